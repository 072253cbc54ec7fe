"""A file with another number of rows than its footer says cannot be read, whatever else is in it."""

from dataclasses import replace
from typing import Any

import pytest
from support.splicing import open_flat, tampered
from support.tables import CALENDAR, open_source, small_feed, small_table, to_parquet

from cbi.checks.validation import validate
from cbi.errors import InvalidFile, Reason
from cbi.parquet.footer import Footer
from cbi.parquet.spec import FileMetaData
from cbi.parquet.thrift import i64


def claiming_four_rows(footer: Footer) -> Footer:
    return replace(footer, struct=footer.struct.replaced({FileMetaData.NUM_ROWS: i64(4)}))


@pytest.mark.parametrize("opened", [open_flat, open_source])
def test_rows_that_the_footer_does_not_count_are_refused(opened: Any) -> None:
    content = tampered(to_parquet(small_table(5)), claiming_four_rows)
    with pytest.raises(InvalidFile, match="the footer says 4 rows, but there are 5") as raised:
        validate(opened(content), small_feed(), CALENDAR)
    assert raised.value.reason is Reason.UNREADABLE_FILE
