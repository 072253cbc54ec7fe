"""No two rows have the same values in some columns; rows with a NULL there equal none."""

from collections.abc import Iterator, Mapping
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from cbi.expectations.expectation import (
    ColumnNames,
    Expectation,
    Mistake,
    TableTest,
    Test,
    mistaken_columns,
)
from cbi.expectations.repeated_rows import repeated_rows

COMPARES_EXACTLY = ("STRING", "INT64", "BOOL", "DATE", "TIMESTAMP")


class Unique(Expectation, frozen=True, kw_only=True):
    """All rows that are alike fail; one column suffices that differs."""

    columns: ColumnNames

    def tests(self) -> Iterator[Test]:
        listed = ", ".join(self.columns)
        verb = "are" if len(self.columns) > 1 else "is"
        yield TableTest(listed, self.columns, f"{listed} {verb} as in another row", self._failing)

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        yield from mistaken_columns(self.columns, types, COMPARES_EXACTLY)
        for number, column in enumerate(self.columns):
            if column in self.columns[:number]:
                yield ("columns", number), f"is {column!r}, which is there twice"

    def _failing(self, rows: pa.Table) -> pa.Array:
        keys = rows.select(list(self.columns))
        known = reduce(pc.and_, (pc.is_valid(column) for column in keys.columns)).combine_chunks()
        if not known.false_count:
            return repeated_rows(keys)
        return pc.replace_with_mask(known, known, repeated_rows(keys.filter(known)))
