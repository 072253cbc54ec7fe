"""A value is one of a list."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta

from cbi.expectations.expectation import Columns, ColumnsExpectation, Mistake, Proofs, RowTest, of_values

_SHOWN_VALUES = 10
_MOST_NUMBERS = 10_000


class OneOf(ColumnsExpectation, frozen=True, kw_only=True):
    takes = ("STRING", "INT64")

    values: Annotated[
        tuple[Annotated[int | str, Meta(description="a text or a whole number")], ...],
        Meta(min_length=1, description="a list of texts or whole numbers"),
    ]

    def test(self, column: str) -> RowTest:
        shown = ", ".join(str(value) for value in self.values[:_SHOWN_VALUES])
        more = len(self.values) - _SHOWN_VALUES

        def failing(rows: Columns) -> pa.Array:
            return of_values(rows[column], self._is_other)

        def proved(footer: Proofs) -> bool:
            found = footer.extremes(column)
            if found is None or found.min is None:
                return found is not None
            low, high = found.min, found.max
            if not (isinstance(low, int) and isinstance(high, int)) or high - low > _MOST_NUMBERS:
                return False
            return set(self.values).issuperset(range(low, high + 1))

        reason = f"{column} is none of {shown}" + (f" and {more} more" if more > 0 else "")
        return RowTest(column, (column,), reason, failing, proved)

    def _is_other(self, values: pa.Array) -> pa.Array:
        known = pc.is_in(values, pa.array(self.values, values.type))
        return pc.and_(pc.invert(known), pc.is_valid(values))

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        yield from super().mistakes(types)
        for number, value in enumerate(self.values):
            for column in self.columns:
                wanted = {"STRING": str, "INT64": int}.get(types.get(column, ""), object)
                if not isinstance(value, wanted) or (isinstance(value, int) and abs(value) >= 2**63):
                    kind = types.get(column, "no column of the file")
                    yield ("values", number), f"is {value!r}; {column} is {kind}, which has no such value"
