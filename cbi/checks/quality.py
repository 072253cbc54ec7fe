"""The built-in checks one by one, for a table or a schema that is in memory."""

from collections.abc import Mapping

import pyarrow as pa

from cbi.checks.column_types import column_types
from cbi.checks.date_range import find_date_range
from cbi.checks.duplicates import find_duplicates_by_key
from cbi.checks.required_fields import find_required_fields
from cbi.contract.binding import bind
from cbi.contract.casts import Cast
from cbi.contract.feed import Feed
from cbi.findings import ColumnTypes, DateRange, Duplicates, RequiredFields


class DataQualityChecker:
    """Checks data against a feed's contract. Columns are named as in the file."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed

    def casts(self, schema: pa.Schema) -> Mapping[str, Cast]:
        """How each column of a file that the contract knows gets the contract's type, where it can."""
        return bind(self.feed, schema).casts

    def validate_column_types(self, schema: pa.Schema) -> ColumnTypes:
        """Compare a file's schema with the contract, without looking at values."""
        return column_types(bind(self.feed, schema))

    def validate_required_fields(self, table: pa.Table) -> RequiredFields:
        """Check that the required columns are all there and count the NULLs in each."""
        null_counts = {name: table[name].null_count for name in table.column_names}
        return find_required_fields(self.feed.required_columns, null_counts)

    def validate_date_range(self, table: pa.Table) -> DateRange:
        """Check the dates against the feed's bounds; a feed without bounds takes every date."""
        return find_date_range(self.feed, table)

    def validate_duplicates(self, table: pa.Table) -> Duplicates:
        """Find rows with the same key: how many there are in all, and the first keys in order."""
        return find_duplicates_by_key(table, self.feed.key)
