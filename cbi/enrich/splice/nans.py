"""Which row groups of float columns hold NaNs, which a spliced file must have as NULLs."""

from collections.abc import Collection, Iterator, Sequence

import pyarrow.compute as pc
from pyarrow import types

from cbi.contract.casts import Cast
from cbi.enrich.nest import Nesting
from cbi.parquet.column_encoding import reusable_encoding
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.spec import ColumnMetaData, Statistics
from cbi.parquet.thrift import Struct

# What is fetched and decoded at once, whatever the row groups' size.
_BYTES_AT_ONCE = 32 << 20


def find_nans(file: FlatFile, nesting: Nesting, trusted: Collection[str]) -> dict[str, frozenset[int]]:
    """The numbers of the row groups that hold NaNs, for each column that has any and could stay without.

    Columns that are `trusted` to have none, and chunks that are all NULL by their statistics, are not read.
    Raises InvalidFile where a page cannot be read.
    """
    suspects = [
        name
        for name, cast in nesting.casts.items()
        if types.is_floating(cast.found) and name not in trusted and _is_reusable(file, name, cast)
    ]
    found: dict[str, set[int]] = {}
    for names in _few_at_once(file, suspects):
        for fetched in file.row_groups(names, _with_values(file, names)):
            for batch in fetched.batches():
                for name in names:
                    if fetched.number not in found.get(name, ()) and pc.any(pc.is_nan(batch[name])).as_py():
                        found.setdefault(name, set()).add(fetched.number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def _is_reusable(file: FlatFile, name: str, cast: Cast) -> bool:
    return reusable_encoding(file.column(name).elements[0], cast.found, cast.wanted) is not None


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


def _all_null(file: FlatFile, name: str, row_group: int) -> bool:
    chunk = file.footer.row_groups[row_group].chunks[file.leaf_number(name)]
    statistics = chunk.metadata.struct(ColumnMetaData.STATISTICS) or Struct()
    return chunk.values == statistics.integer(Statistics.NULL_COUNT)
