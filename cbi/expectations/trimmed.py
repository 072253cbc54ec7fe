"""A text neither begins nor ends with white space."""

import pyarrow.compute as pc

from cbi.expectations.expectation import ColumnsExpectation, RowTest, of_values


class Trimmed(ColumnsExpectation, frozen=True, kw_only=True):
    takes = ("STRING",)

    def test(self, column: str) -> RowTest:
        return RowTest(
            column,
            (column,),
            f"{column} begins or ends with white space",
            failing=lambda rows: of_values(
                rows[column], lambda text: pc.not_equal(pc.utf8_trim_whitespace(text), text)
            ),
        )
