"""A column increases from row to row, in the file as a whole or among the rows alike in other columns."""

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from cbi.expectations.expectation import (
    ColumnName,
    Expectation,
    Mistake,
    TableTest,
    Test,
    mistaken_column,
    mistaken_columns,
)
from cbi.expectations.repeated_rows import as_mask, row_numbers
from cbi.expectations.unique import COMPARES_EXACTLY

_ORDERED = ("INT64", "FLOAT64", "DATE", "TIMESTAMP")


class IncreasingBy(Expectation, frozen=True, kw_only=True):
    """A row fails whose value is not greater than that of the row before it, NULLs left out."""

    column: ColumnName
    by: tuple[ColumnName, ...] = ()

    def tests(self) -> Iterator[Test]:
        within = f" by {', '.join(self.by)}" if self.by else ""
        reason = f"{self.column} does not increase{within}"
        yield TableTest(self.column, (self.column, *self.by), reason, self._failing)

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        yield from mistaken_column(self.column, types, _ORDERED, ("column",))
        yield from mistaken_columns(self.by, types, COMPARES_EXACTLY, "by")

    def _failing(self, rows: pa.Table) -> pa.Array:
        values = rows[self.column].combine_chunks()
        numbers = row_numbers(rows.select(list(self.by))) if self.by else pa.repeat(0, len(rows))
        known = pc.indices_nonzero(pc.is_valid(values))
        ordered = pa.table({"group": numbers.take(known), "row": known})
        order = known.take(pc.sort_indices(ordered, [("group", "ascending"), ("row", "ascending")]))
        numbers, values = numbers.take(order), values.take(order)
        before = max(len(order) - 1, 0)
        broken = pc.and_(
            pc.equal(numbers.slice(1), numbers.slice(0, before)),
            pc.less_equal(values.slice(1), values.slice(0, before)),
        )
        return as_mask(order.slice(1).filter(broken), len(rows))
