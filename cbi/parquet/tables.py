"""Tables in memory, of whatever library, as Arrow tables that mean the same."""

import sys
from typing import Any

import pyarrow as pa

from cbi.errors import InvalidInput, UnknownTable


def arrow_table(value: Any) -> pa.Table:
    """A table of Arrow, pandas, Polars, DuckDB, or whatever else is an Arrow stream.

    An index of pandas is a column where it has a name, and none where it only numbers the rows. Raises
    UnknownTable for what is no table, InvalidInput for one that parquet has no types for.
    """
    try:
        pandas = sys.modules.get("pandas")
        if pandas is not None and isinstance(value, pandas.DataFrame):
            return _from_pandas(value)
        if hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__"):
            return pa.table(value)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        message = f"the {type(value).__name__} has a column that parquet has no type for: {error}"
        raise InvalidInput(message) from error
    raise UnknownTable(
        f"an object of type {type(value).__name__} cannot be ingested; give a DataFrame, an Arrow table,"
        " the path of a parquet file, or its gs:// URI"
    )


def _from_pandas(frame: Any) -> pa.Table:
    named = [name for name in frame.index.names if name is not None]
    if twice := sorted({str(name) for name in named} & {str(name) for name in frame.columns}):
        raise InvalidInput(f"the DataFrame has {twice[0]} as a column and as its index; drop one of them")
    if named:
        frame = frame.reset_index(level=named)
    return pa.Table.from_pandas(frame, preserve_index=False)
