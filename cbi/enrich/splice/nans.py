"""Which row groups of float columns hold NaNs, which a spliced file must have as NULLs."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow.compute as pc
from pyarrow import types

from cbi.enrich.nest import Nesting
from cbi.parquet.column_encoding import keep
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.thrift import Struct

# What is fetched and decoded at once, whatever the row groups' size.
_BYTES_AT_ONCE = 32 << 20

_NUMPY_FLOATS = ("float16", "float32", "float64")


def find_nans(file: FlatFile, nesting: Nesting, vouched: Collection[str]) -> dict[str, frozenset[int]]:
    """The numbers of the row groups that hold NaNs, for each column that has any and could stay without.

    Columns that are `vouched` for, and chunks that are all NULL by their statistics, are not read. Raises
    InvalidFile where a page cannot be read.
    """
    suspects = [
        name
        for name, cast in nesting.casts.items()
        if types.is_floating(cast.found)
        and name not in vouched
        and keep(file.column(name).elements[0], cast) is not None
    ]
    found: dict[str, set[int]] = {}
    for names in _few_at_once(file, suspects):
        for fetched in file.row_groups(names, _with_values(file, names)):
            for batch in fetched.batches():
                for name in names:
                    if fetched.number not in found.get(name, ()) and pc.any(pc.is_nan(batch[name])).as_py():
                        found.setdefault(name, set()).add(fetched.number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def _few_at_once(file: FlatFile, names: Sequence[str]) -> Iterator[list[str]]:
    """The columns in turn, as many at once as have some megabytes in the largest row group."""
    few: list[str] = []
    gathered = 0
    for name in names:
        number = file.leaf_number(name)
        size = max((group.chunks[number].compressed for group in file.footer.row_groups), default=0)
        if few and gathered + size > _BYTES_AT_ONCE:
            yield few
            few, gathered = [], 0
        few.append(name)
        gathered += size
    if few:
        yield few


def _with_values(file: FlatFile, names: Sequence[str]) -> list[int]:
    """The row groups in which not all of these columns are NULL."""
    groups = range(len(file.footer.row_groups))
    return [number for number in groups if any(not _all_null(file, name, number) for name in names)]


def vouched_by_pandas(file: FlatFile) -> set[str]:
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


def _all_null(file: FlatFile, name: str, row_group: int) -> bool:
    chunk = file.footer.row_groups[row_group].chunks[file.leaf_number(name)]
    statistics = chunk.metadata.struct(12) or Struct()
    return chunk.values == statistics.integer(3)
