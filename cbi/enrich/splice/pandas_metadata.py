"""Which float columns have no NaNs, because pandas and Arrow wrote them together."""

import json
from typing import Any

from cbi.parquet.flat_file import FlatFile

_NUMPY_FLOATS = ("float16", "float32", "float64")


def trusted_by_pandas(file: FlatFile) -> set[str]:
    """The float columns that pandas and Arrow wrote together, by what the file's metadata says.

    Arrow makes NULL of every NaN in a NumPy column of a data frame. The metadata is not taken at its word
    where another writer (fastparquet, cuDF) wrote the pages, where the column was no NumPy array (pandas'
    nullable and Arrow types may hold NaNs), and where columns or rows differ from the data frame's, because
    Arrow hands the metadata on when a table is changed. What it cannot show is a column that was replaced in
    Arrow by one of the same name.
    """
    raw = file.footer.key_values.get(b"pandas")
    if raw is None or not (file.created_by or "").startswith("parquet-cpp-arrow"):
        return set()
    try:
        pandas: dict[str, Any] = json.loads(raw)
        columns = pandas["columns"]
        fields = [column["field_name"] for column in columns]
        ranges = [index for index in pandas["index_columns"] if isinstance(index, dict)]
        rows = [len(range(index["start"], index["stop"], index["step"])) for index in ranges]
        library = pandas["creator"]["library"]
    except (ValueError, KeyError, TypeError):
        return set()
    if library != "pyarrow" or fields != [column.name for column in file.columns]:
        return set()
    if any(count != file.rows for count in rows):
        return set()
    return {column["field_name"] for column in columns if column.get("numpy_type") in _NUMPY_FLOATS}
