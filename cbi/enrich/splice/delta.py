"""What is appended to the staged bytes to make them a part."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import pyarrow as pa

from cbi.enrich.splice.chunk_encoder import ChunkEncoder
from cbi.enrich.splice.nested_footer import NestedGroup, nested_footer, sorting_columns
from cbi.enrich.splice.plan import PlannedLeaf, SplicePlan
from cbi.enrich.splice.row_slices import RowSlice
from cbi.parquet.column_chunk import PlacedChunk
from cbi.parquet.encode import Encoded, encode
from cbi.parquet.flat_file import FetchedGroup

# A row group that is cut is encoded anew in pieces of about so many bytes in memory.
_ROW_GROUP_BYTES = 64 << 20


class Delta:
    """A delta being made: what is written so far, and the row groups for the footer."""

    def __init__(self, plan: SplicePlan) -> None:
        self._plan = plan
        self._at = plan.file.size
        self._fresh = ChunkEncoder(plan.nesting)
        self._groups: list[NestedGroup] = []

    def pieces(self, slices: Iterable[RowSlice]) -> Iterator[bytes | memoryview]:
        plan = self._plan
        for needed, run in groupby(slices, self._needed):
            of_run = list(run)
            groups = self._fetch(needed, of_run)
            for row_slice, group in zip(of_run, groups, strict=True):
                if plan.keeps_group(row_slice):
                    yield from self._keep_group(row_slice, group)
                else:
                    yield from self._cut(row_slice, group)
        yield nested_footer(
            plan.file.footer,
            plan.nesting.feed,
            {leaf.leaf.path: leaf.storage for leaf in plan.leaves},
            [leaf.kept for leaf in plan.leaves],
            self._groups,
            self._at,
        )

    def _needed(self, row_slice: RowSlice) -> tuple[str, ...]:
        """The columns that must be read for a row slice."""
        plan = self._plan
        if not plan.keeps_group(row_slice):
            return tuple(plan.nesting.casts)
        sources = [leaf for leaf in plan.leaves if leaf.leaf.source in plan.nesting.casts]
        return tuple(leaf.leaf.source or "" for leaf in sources if not plan.keeps(leaf, row_slice.row_group))

    def _fetch(self, needed: Sequence[str], slices: Sequence[RowSlice]) -> Iterable[FetchedGroup | None]:
        if not needed:
            return [None] * len(slices)
        return self._plan.file.row_groups(needed, [row_slice.row_group for row_slice in slices])

    def _keep_group(self, row_slice: RowSlice, group: FetchedGroup | None) -> Iterator[memoryview]:
        """Take over a row group's chunks that serve, and make the others."""
        plan = self._plan
        source = plan.file.footer.row_groups[row_slice.row_group]
        kept = [leaf.kept if plan.keeps(leaf, row_slice.row_group) else None for leaf in plan.leaves]
        missing = [leaf for leaf, number in zip(plan.leaves, kept, strict=True) if number is None]
        dates = None
        if plan.dates is not None:
            dates = plan.dates.slice(plan.bounds[row_slice.row_group], row_slice.rows)
        fresh = iter(
            self._fresh.of_group(
                [(leaf.leaf, leaf.storage) for leaf in missing], row_slice.rows, dates, group
            )
        )
        chunks = []
        for leaf, number in zip(plan.leaves, kept, strict=True):
            if number is not None:
                chunks.append(source.chunks[number].renamed(leaf.path))
            else:
                chunk, pages = self._place(next(fresh), leaf)
                chunks.append(chunk)
                yield pages
        places = {number: place for place, number in enumerate(kept) if number is not None}
        sorting = sorting_columns(source.struct, places)
        self._groups.append(NestedGroup(row_slice.rows, chunks, sorting))

    def _cut(self, row_slice: RowSlice, group: FetchedGroup | None) -> Iterator[memoryview]:
        """Encode some rows of a row group anew, as `rewrite` would."""
        assert group is not None
        gathered: list[pa.RecordBatch] = []
        for batch in self._nested(row_slice, group):
            gathered.append(batch)
            if sum(each.nbytes for each in gathered) >= _ROW_GROUP_BYTES:
                yield from self._encode_rows(gathered)
                gathered = []
        if gathered:
            yield from self._encode_rows(gathered)

    def _nested(self, row_slice: RowSlice, group: FetchedGroup) -> Iterator[pa.RecordBatch]:
        """The slice's rows, a column for each leaf of the table."""
        nesting, at = self._plan.nesting, 0
        for batch in group.batches():
            chosen = row_slice.of(batch, at)
            at += len(batch)
            if len(chosen):
                yield _flatten(nesting.nest(chosen, nesting.rows(chosen)))

    def _encode_rows(self, batches: Sequence[pa.RecordBatch]) -> Iterator[memoryview]:
        table = pa.Table.from_batches(batches)
        columns = [
            (column.cast(leaf.storage.arrow), leaf.storage.required)
            for column, leaf in zip(table.columns, self._plan.leaves, strict=True)
        ]
        chunks = []
        for encoded, leaf in zip(encode(columns), self._plan.leaves, strict=True):
            chunk, pages = self._place(encoded, leaf)
            chunks.append(chunk)
            yield pages
        self._groups.append(NestedGroup(len(table), chunks))

    def _place(self, encoded: Encoded, leaf: PlannedLeaf) -> tuple[PlacedChunk, memoryview]:
        placed = encoded.place(self._at, leaf.path)
        self._at += len(encoded.pages)
        return placed, encoded.pages


def _flatten(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A nested batch's leaves, depth first."""
    leaves: list[pa.Array] = []

    def walk(array: pa.Array) -> None:
        if pa.types.is_struct(array.type):
            for number in range(array.type.num_fields):
                walk(array.field(number))
        else:
            leaves.append(array)

    for column in batch.columns:
        walk(column)
    return pa.RecordBatch.from_arrays(leaves, [str(number) for number in range(len(leaves))])
