"""The error of a value that its column's wanted type cannot hold, and how it is raised."""

import pyarrow as pa
import pyarrow.compute as pc


class UnsafeCast(ValueError):
    """A value that its column's wanted type cannot hold; the text names the value.

    `rows` is true for all values that are refused for the same reason, None where only the first is known.
    """

    def __init__(self, message: str, rows: pa.BooleanArray | None = None) -> None:
        super().__init__(message)
        self.rows = rows


def refuse(column: pa.Array, mask: pa.Array, reason: str) -> None:
    """Raise UnsafeCast for the first value where `mask` is true; a NULL of the mask is no."""
    if pc.any(mask).as_py():
        row = pc.index(mask, True).as_py()
        value = column.slice(row, 1).cast(pa.string())[0].as_py()
        raise UnsafeCast(f"{value!r} {reason}", mask)
