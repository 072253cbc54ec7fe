"""What of a staged file can stay where it is, what must be made anew, and whether it can be spliced."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import pyarrow as pa
import pyarrow.compute as pc

from cbi.contract.feed import Leaf
from cbi.contract.parts import DateInterval
from cbi.enrich.nest import Nesting
from cbi.enrich.splice.row_slices import PartSlices, RowSlice, assign_rows
from cbi.parquet.column_chunk import encode_path
from cbi.parquet.column_encoding import Storage, keep, made
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.unsplicable import Unsplicable

# What BigQuery reads: none, Snappy, GZip, ZSTD, LZ4_RAW. The others are LZO, Brotli and the first LZ4.
# https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#parquet_compression
_CODECS = {0, 1, 2, 6, 7}

# To be cut, a row group is fetched as a whole.
_LARGEST_CUT_BYTES = 128 << 20


@dataclass(frozen=True)
class PlannedLeaf:
    """A leaf of the table, how it is stored, and which of the file's leaves it keeps (None: it is made)."""

    leaf: Leaf
    storage: Storage
    kept: int | None
    path: bytes


@dataclass(frozen=True)
class SplicePlan:
    """What stays of a file and what is made anew; `nans` are the row groups with NaNs by float column."""

    file: FlatFile
    nesting: Nesting
    leaves: tuple[PlannedLeaf, ...]
    nans: Mapping[str, frozenset[int]]
    dates: pa.ChunkedArray | None
    covered: pa.ChunkedArray | None
    slices: tuple[PartSlices, ...]

    @property
    def kept_share(self) -> float:
        """How much of the bytes that the table wants of the file serves as it is, from 0 to 1."""
        kept = needed = 0
        whole = {s.row_group for part in self.slices for s in part.slices if self.keeps_group(s)}
        sources = [leaf for leaf in self.leaves if leaf.leaf.source in self.nesting.casts]
        for number, group in enumerate(self.file.footer.row_groups):
            for leaf in sources:
                size = group.chunks[self.file.leaf_number(leaf.leaf.source or "")].compressed
                needed += size
                kept += size if number in whole and self.keeps(leaf, number) else 0
        return kept / needed if needed else 1.0

    @cached_property
    def bounds(self) -> list[int]:
        """The number of each row group's first row, and in the end the number of all rows."""
        return list(accumulate((group.rows for group in self.file.footer.row_groups), initial=0))

    def keeps_group(self, row_slice: RowSlice) -> bool:
        """Whether all rows of a row group are in one part, so that chunks of it can stay."""
        return row_slice.rows == self.file.footer.row_groups[row_slice.row_group].rows

    def keeps(self, leaf: PlannedLeaf, row_group: int) -> bool:
        """Whether the leaf's chunk of such a row group serves as it is."""
        return leaf.kept is not None and row_group not in self.nans.get(leaf.leaf.source or "", ())

    def skipped(self) -> Iterator[pa.RecordBatch]:
        """The rows without a regime, with all columns as they came; only their row groups are read."""
        if self.covered is None:
            return
        masks = [
            self.covered.slice(begin, end - begin).combine_chunks() for begin, end in pairwise(self.bounds)
        ]
        numbers = [number for number, mask in enumerate(masks) if mask.false_count]
        for group in self.file.row_groups(None, numbers):
            at = 0
            for batch in group.batches():
                covered = masks[group.number].slice(at, len(batch))
                at += len(batch)
                yield batch.filter(pc.invert(covered))


def plan_splice(
    file: FlatFile,
    nesting: Nesting,
    date_intervals: Sequence[DateInterval],
    dates: pa.ChunkedArray | None,
    skips_rows: bool,
    nans: Mapping[str, frozenset[int]],
) -> SplicePlan:
    """Plan the parts of a file that can be spliced; the arguments are those of `splice`."""
    leaves = tuple(_plan_leaf(file, nesting, leaf, nans) for leaf in nesting.feed.leaves)
    covered = None
    if skips_rows and dates is not None:
        covered = pa.chunked_array(
            [nesting.run.calendar.lookup(c).is_valid() for c in dates.chunks], pa.bool_()
        )
    sizes = [group.rows for group in file.footer.row_groups]
    slices = assign_rows(sizes, dates, covered, date_intervals, nesting.feed.batch_rows)
    plan = SplicePlan(file, nesting, leaves, nans, dates, covered, tuple(slices))
    _refuse_large_cuts(plan)
    return plan


def refuse_unsplicable(file: FlatFile, nesting: Nesting) -> None:
    """Raise Unsplicable where the footer shows that column chunks cannot serve as they are."""
    footer = file.footer
    if footer.encrypted:
        raise Unsplicable("its columns are encrypted")
    if footer.rows != sum(group.rows for group in footer.row_groups):
        raise Unsplicable("its row groups have another number of rows than its footer says")
    for name in nesting.casts:
        if not file.column(name).is_flat:
            raise Unsplicable(f"its column {name} is nested or repeated")
    numbers = [file.leaf_number(name) for name in nesting.casts]
    leaves = file.columns[-1].leaves.stop if file.columns else 0
    for group in footer.row_groups:
        if len(group.chunks) != leaves:
            raise Unsplicable(f"a row group has {len(group.chunks)} column chunks for {leaves} columns")
        for number in numbers:
            chunk = group.chunks[number]
            if chunk.elsewhere:
                raise Unsplicable("its column chunks are in other files")
            if chunk.codec not in _CODECS:
                raise Unsplicable(f"it is compressed by codec {chunk.codec}, which BigQuery does not read")
            if chunk.values != group.rows:
                raise Unsplicable(f"a column has {chunk.values} values in a row group of {group.rows} rows")
            if group.rows and not 0 < chunk.first_page < chunk.end < file.size:
                raise Unsplicable("its footer tells of pages that are not in the file")


def _refuse_large_cuts(plan: SplicePlan) -> None:
    """Raise Unsplicable where memory would have to hold a large row group to cut it."""
    for row_slice in (row_slice for part in plan.slices for row_slice in part.slices):
        group = plan.file.footer.row_groups[row_slice.row_group]
        size = sum(chunk.compressed for chunk in group.chunks)
        if size > _LARGEST_CUT_BYTES and not plan.keeps_group(row_slice):
            raise Unsplicable(f"a row group of {size:,} bytes would have to be cut")


def _plan_leaf(
    file: FlatFile, nesting: Nesting, leaf: Leaf, nans: Mapping[str, frozenset[int]]
) -> PlannedLeaf:
    path = encode_path(leaf.path)
    cast = nesting.casts.get(leaf.source or "")
    if cast is not None and leaf.source is not None:
        stored = keep(file.column(leaf.source).elements[0], cast)
        # A column without definition levels has no room for the NULLs that NaNs become.
        if stored is not None and not (stored.required and nans.get(leaf.source)):
            return PlannedLeaf(leaf, stored, file.leaf_number(leaf.source), path)
    return PlannedLeaf(leaf, made(leaf.field.to_arrow().type, leaf.field.required), None, path)
