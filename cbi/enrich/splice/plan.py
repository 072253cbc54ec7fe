"""What of a staged file can stay where it is, and what must be encoded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import pyarrow as pa

from cbi.contract.feed import Leaf
from cbi.contract.parts import DateInterval
from cbi.contract.quarantine import Quarantine
from cbi.enrich.nest import Nesting
from cbi.enrich.splice.nans import find_nans
from cbi.enrich.splice.pandas_metadata import trusted_by_pandas
from cbi.enrich.splice.row_slices import PartSlices, RowSlice, assign_rows
from cbi.enrich.splice.splicable import refuse_large_cuts, refuse_unsplicable
from cbi.parquet.column_chunk import encode_path
from cbi.parquet.column_encoding import ColumnEncoding, new_encoding, reusable_encoding
from cbi.parquet.flat_file import FlatFile


@dataclass(frozen=True)
class PlannedLeaf:
    """A leaf of the table, how it is stored, and which of the file's leaves it reuses (None: none).

    `nans` are the row groups in which that leaf holds NaNs, so that it must be encoded there.
    """

    leaf: Leaf
    encoding: ColumnEncoding
    path: bytes
    reused: int | None
    nans: frozenset[int]

    def reuses(self, row_group: int) -> bool:
        """Whether the file's chunk in this row group serves as it is."""
        return self.reused is not None and row_group not in self.nans


@dataclass(frozen=True)
class SplicePlan:
    """What stays of a file, and which rows go into which part.

    `dates` are those of all rows (date32), None for a feed without dates; `quarantine` tells which rows are
    left out, None where none is. The pages of `searched_columns` were searched for NaNs.
    """

    file: FlatFile
    nesting: Nesting
    leaves: tuple[PlannedLeaf, ...]
    parts: tuple[PartSlices, ...]
    dates: pa.ChunkedArray | None
    quarantine: Quarantine | None
    searched_columns: int = 0

    @property
    def reusable_fraction(self) -> float:
        """How much of the bytes that the table wants of the file serves as it is, from 0 to 1."""
        kept = needed = 0
        whole = {s.row_group for part in self.parts for s in part.slices if self.keeps_group(s)}
        reusing = {leaf.reused: leaf for leaf in self.leaves if leaf.reused is not None}
        wanted = [number for name in self.nesting.columns for number in self.file.column(name).leaves]
        for number, group in enumerate(self.file.footer.row_groups):
            for chunk in wanted:
                size = group.chunks[chunk].compressed
                needed += size
                kept += size if number in whole and chunk in reusing and reusing[chunk].reuses(number) else 0
        return kept / needed if needed else 1.0

    @cached_property
    def bounds(self) -> list[int]:
        """The number of each row group's first row, and in the end the number of all rows."""
        return list(accumulate((group.rows for group in self.file.footer.row_groups), initial=0))

    def keeps_group(self, row_slice: RowSlice) -> bool:
        """Whether all rows of a row group are in one part, so that chunks of it can stay."""
        return row_slice.rows == self.file.footer.row_groups[row_slice.row_group].rows

    def rows_left_out(self) -> Iterator[pa.RecordBatch]:
        """The rows in quarantine, with all columns as they came; only their row groups are read."""
        if self.quarantine is None:
            return
        masks = (self.quarantine.rows.slice(begin, end - begin) for begin, end in pairwise(self.bounds))
        numbers = [number for number, mask in enumerate(masks) if mask.true_count]
        for group in self.file.row_groups(None, numbers):
            at = self.bounds[group.number]
            for batch in group.batches():
                yield self.quarantine.slice(at, len(batch)).of(self.nesting.as_quarantined(batch))
                at += len(batch)


def plan_splice(
    file: FlatFile,
    nesting: Nesting,
    date_intervals: Sequence[DateInterval],
    dates: pa.ChunkedArray | None,
    quarantine: Quarantine | None,
) -> SplicePlan:
    """Look at what must be looked at for a splice into the parts that `rewrite` would write.

    `dates` are those of all rows (date32, without NULLs), None for a feed without dates; casts that may fail
    have been found not to in rows that are loaded. Raises Unsplicable for a file that must be rewritten,
    InvalidFile for one that cannot be read.
    """
    refuse_unsplicable(file, nesting)
    nans = find_nans(file, nesting, trusted_by_pandas(file))
    leaves = tuple(_plan_leaf(file, nesting, leaf, nans.row_groups) for leaf in nesting.feed.leaves)
    loaded = None if quarantine is None else quarantine.loaded
    sizes = [group.rows for group in file.footer.row_groups]
    parts = assign_rows(sizes, dates, loaded, date_intervals, nesting.feed.batch_rows)
    refuse_large_cuts(file, (row_slice for part in parts for row_slice in part.slices))
    return SplicePlan(file, nesting, leaves, tuple(parts), dates, quarantine, nans.searched)


def _plan_leaf(
    file: FlatFile, nesting: Nesting, leaf: Leaf, nans: Mapping[str, frozenset[int]]
) -> PlannedLeaf:
    path = encode_path(leaf.path)
    cast = nesting.casts.get(leaf.source or "")
    column = None if cast is None else cast.place.flat_column
    if cast is not None and column is not None:
        encoding = None
        if cast.keeps_meaning:
            encoding = reusable_encoding(file.column(column).elements[0], cast.found, cast.wanted)
        with_nans = nans.get(column, frozenset())
        # A column without definition levels has no room for the NULLs that NaNs become.
        if encoding is not None and not (encoding.required and with_nans):
            return PlannedLeaf(leaf, encoding, path, file.leaf_number(column), with_nans)
    encoding = new_encoding(leaf.field.to_arrow().type, leaf.field.required)
    return PlannedLeaf(leaf, encoding, path, None, frozenset())
