"""A column's values are at least, or at most, those that another column has in the same row."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow.compute as pc

from cbi.expectations.expectation import (
    ColumnName,
    Expectation,
    Mistake,
    Proofs,
    RowTest,
    Test,
    mistaken_column,
)

_COMPARABLE = ("INT64", "FLOAT64", "DATE", "TIMESTAMP")


class Compared(Expectation, frozen=True, kw_only=True):
    """Two columns of one type; where either is NULL nothing is compared."""

    column: ColumnName
    other: ColumnName

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        yield from mistaken_column(self.column, types, _COMPARABLE, ("column",))
        yield from mistaken_column(self.other, types, _COMPARABLE, ("other",))
        kinds = [types.get(self.column), types.get(self.other)]
        if kinds[0] != kinds[1]:
            yield ("other",), f"is {self.other!r}, which is {kinds[1]}; {self.column} is {kinds[0]}"


class AtLeast(Compared, frozen=True, kw_only=True):
    def tests(self) -> Iterator[Test]:
        yield _never_below(self.column, self.column, self.other, f"{self.column} is below {self.other}")


class AtMost(Compared, frozen=True, kw_only=True):
    def tests(self) -> Iterator[Test]:
        yield _never_below(self.column, self.other, self.column, f"{self.column} is above {self.other}")


def _never_below(column: str, greater: str, lesser: str, reason: str) -> RowTest:
    """No value of `greater` is below that of `lesser`; the test is about one of the two."""

    def proved(footer: Proofs) -> bool:
        high, low = footer.extremes(greater), footer.extremes(lesser)
        if high is None or low is None:
            return False
        least: Any = high.min
        return least is None or low.max is None or bool(low.max <= least)

    return RowTest(
        column, (greater, lesser), reason, lambda rows: pc.less(rows[greater], rows[lesser]), proved
    )
