"""Where the values of a leaf are: in a column of the file, in a field of its STRUCTs, or in the contract."""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc


class Place(NamedTuple):
    """A top-level column and the `steps` into its STRUCTs, or, without a column, one value for all rows."""

    column: str | None
    steps: tuple[str, ...] = ()
    value: pa.Scalar | None = None

    @property
    def flat_column(self) -> str | None:
        """The top-level column whose values these are; None where they are inside one, or in none."""
        return None if self.steps else self.column

    def values(self, batch: pa.RecordBatch) -> pa.Array:
        """The values in a record batch that has the column."""
        if self.column is None:
            return pa.repeat(self.value, len(batch))
        return self.inside(batch[self.column])

    def inside(self, column: pa.Array) -> pa.Array:
        """The values in the top-level column; what is in a STRUCT that is NULL is NULL."""
        return pc.struct_field(column, list(self.steps)) if self.steps else column


NOWHERE = Place(None)
"""The place of a column on its own."""
