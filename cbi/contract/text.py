"""Text columns of a file."""

import pyarrow as pa
from pyarrow import types


def is_text(found: pa.DataType) -> bool:
    return bool(types.is_string(found) or types.is_large_string(found) or types.is_string_view(found))


def to_text(column: pa.Array) -> pa.Array:
    """A column as UTF-8. Raises ArrowInvalid for bytes that are not."""
    text = column.cast(pa.string())
    # A text column of a parquet file may hold bytes that are not UTF-8. Arrow mostly takes them for text all
    # the same, and only Python refuses the value, where an error is to name it.
    text.validate(full=True)
    return text
