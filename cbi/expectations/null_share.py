"""No more than a share of a column's values are NULL; one that the file lacks is NULL throughout."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from msgspec import Meta

from cbi.expectations.expectation import (
    ColumnNames,
    Mistake,
    RowTest,
    Test,
    WholeFileExpectation,
    is_null,
    mistaken_columns,
)


class NullShareAtMost(WholeFileExpectation, frozen=True, kw_only=True):
    columns: ColumnNames
    share: Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]

    def tests(self) -> Iterator[Test]:
        return map(self.test, self.columns)

    def test(self, column: str) -> RowTest:
        return RowTest(
            column,
            (column,),
            f"{column} is NULL, which {self.share:.4g} of all rows may be,",
            failing=lambda rows: is_null(rows[column]),
            proved=lambda footer: footer.null_count(column) == 0,
            tolerated_share=self.share,
        )

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        yield from super().mistakes(types)
        yield from mistaken_columns(self.columns, types, ())
