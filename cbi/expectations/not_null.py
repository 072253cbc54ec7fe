"""The columns have no NULLs; one that the file lacks is NULL throughout."""

from cbi.expectations.expectation import ColumnsExpectation, RowTest, is_null


class NotNull(ColumnsExpectation, frozen=True, kw_only=True):
    def test(self, column: str) -> RowTest:
        return RowTest(
            column,
            (column,),
            f"{column} is NULL",
            failing=lambda rows: is_null(rows[column]),
            proved=lambda footer: footer.null_count(column) == 0,
        )
