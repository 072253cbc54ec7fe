"""A number is finite. (NaN becomes NULL, which `not_null` looks for, unless the contract keeps it.)"""

import math

import pyarrow.compute as pc

from cbi.expectations.expectation import ColumnsExpectation, Proofs, RowTest


class Finite(ColumnsExpectation, frozen=True, kw_only=True):
    takes = ("FLOAT64",)

    def test(self, column: str) -> RowTest:
        def proved(footer: Proofs) -> bool:
            found = footer.extremes(column)
            return found is not None and not any(
                isinstance(value, float) and math.isinf(value) for value in (found.min, found.max)
            )

        return RowTest(
            column,
            (column,),
            f"{column} is not finite",
            failing=lambda rows: pc.invert(pc.is_finite(rows[column])),
            proved=proved,
        )
