"""What is appended to the staged bytes to make them a part: new column chunks, then a footer."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import pyarrow as pa

from cbi.enrich.splice.chunk_encoder import ChunkEncoder
from cbi.enrich.splice.nested_footer import NestedGroup, nested_footer, sorting_columns
from cbi.enrich.splice.plan import PlannedLeaf, SplicePlan
from cbi.enrich.splice.row_slices import PartSlices, RowSlice
from cbi.parquet.column_chunk import PlacedChunk
from cbi.parquet.encode import Encoded, encode
from cbi.parquet.flat_file import FetchedGroup

# A row group that is cut is encoded in pieces of about this many bytes in memory.
_ROW_GROUP_BYTES = 64 << 20


def make_delta(plan: SplicePlan, part: PartSlices) -> Iterator[bytes | memoryview]:
    """The bytes to append for a part, in pieces: new column chunks, then the footer of the whole.

    Memory is bounded by what is encoded of a row group. Raises InvalidFile.
    """
    return _Delta(plan).pieces(part.slices)


class _Delta:
    """A delta being made: the row groups for the footer, and where the next piece will be in the file."""

    def __init__(self, plan: SplicePlan) -> None:
        self._plan = plan
        self._at = plan.file.size
        self._encoder = ChunkEncoder(plan.nesting)
        self._groups: list[NestedGroup] = []

    def pieces(self, slices: Iterable[RowSlice]) -> Iterator[bytes | memoryview]:
        for columns, run in groupby(slices, self._columns_to_read):
            slices_of_run = list(run)
            groups = self._fetch(columns, slices_of_run)
            for row_slice, group in zip(slices_of_run, groups, strict=True):
                if self._plan.keeps_group(row_slice):
                    yield from self._keep_group(row_slice, group)
                else:
                    yield from self._cut(row_slice, group)
        yield nested_footer(self._plan, self._groups, self._at)

    def _columns_to_read(self, row_slice: RowSlice) -> tuple[str, ...]:
        plan = self._plan
        if not plan.keeps_group(row_slice):
            return plan.nesting.columns
        missing = [leaf for leaf in plan.leaves if not leaf.reuses(row_slice.row_group)]
        casts = (plan.nesting.casts.get(leaf.leaf.source or "") for leaf in missing)
        columns = (cast.place.column for cast in casts if cast is not None)
        wanted = [column for column in columns if column is not None]
        return tuple(dict.fromkeys([*wanted, *plan.nesting.rescued_columns]))

    def _fetch(self, columns: Sequence[str], slices: Sequence[RowSlice]) -> Iterable[FetchedGroup | None]:
        if not columns:
            return [None] * len(slices)
        return self._plan.file.row_groups(columns, [row_slice.row_group for row_slice in slices])

    def _keep_group(self, row_slice: RowSlice, fetched: FetchedGroup | None) -> Iterator[memoryview]:
        """Take over a row group's chunks that serve, and encode the others."""
        plan, number = self._plan, row_slice.row_group
        source = plan.file.footer.row_groups[number]
        missing = [leaf for leaf in plan.leaves if not leaf.reuses(number)]
        dates = None if plan.dates is None else plan.dates.slice(plan.bounds[number], row_slice.rows)
        encoded = iter(self._encoder.encode_group(missing, row_slice.rows, dates, fetched))
        chunks: list[PlacedChunk] = []
        places: dict[int, int] = {}
        for leaf in plan.leaves:
            if leaf.reused is not None and leaf.reuses(number):
                places[leaf.reused] = len(chunks)
                chunks.append(source.chunks[leaf.reused].renamed(leaf.path))
            else:
                chunk, pages = self._place(next(encoded), leaf)
                chunks.append(chunk)
                yield pages
        sorting = sorting_columns(source.struct, places)
        self._groups.append(NestedGroup(row_slice.rows, chunks, sorting))

    def _cut(self, row_slice: RowSlice, fetched: FetchedGroup | None) -> Iterator[memoryview]:
        """Encode some rows of a row group, as `rewrite` would."""
        assert fetched is not None
        gathered: list[pa.RecordBatch] = []
        for batch in self._nested(row_slice, fetched):
            gathered.append(batch)
            if sum(batch.nbytes for batch in gathered) >= _ROW_GROUP_BYTES:
                yield from self._encode_rows(gathered)
                gathered = []
        if gathered:
            yield from self._encode_rows(gathered)

    def _nested(self, row_slice: RowSlice, fetched: FetchedGroup) -> Iterator[pa.RecordBatch]:
        """The slice's rows, a column for each leaf of the table."""
        nesting, at = self._plan.nesting, 0
        for batch in fetched.batches():
            chosen = row_slice.of(batch, at)
            at += len(batch)
            if len(chosen):
                yield _flatten(nesting.nest(chosen, nesting.rows(chosen)))

    def _encode_rows(self, batches: Sequence[pa.RecordBatch]) -> Iterator[memoryview]:
        table = pa.Table.from_batches(batches)
        columns = [
            (column.cast(leaf.encoding.arrow), leaf.encoding.required)
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
    leaves = [leaf for column in batch.columns for leaf in _leaves(column)]
    return pa.RecordBatch.from_arrays(leaves, [str(number) for number in range(len(leaves))])


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    if pa.types.is_struct(array.type):
        for number in range(array.type.num_fields):
            yield from _leaves(array.field(number))
    else:
        yield array
