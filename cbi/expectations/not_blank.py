"""A text has something in it besides white space."""

import pyarrow.compute as pc

from cbi.expectations.expectation import ColumnsExpectation, RowTest, of_values


class NotBlank(ColumnsExpectation, frozen=True, kw_only=True):
    takes = ("STRING",)

    def test(self, column: str) -> RowTest:
        return RowTest(
            column,
            (column,),
            f"{column} is blank",
            failing=lambda rows: of_values(
                rows[column], lambda text: pc.equal(pc.utf8_trim_whitespace(text), "")
            ),
        )
