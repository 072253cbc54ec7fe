"""A staged parquet file of which only those column chunks are fetched that are looked at."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from cbi.parquet import thrift
from cbi.parquet.column_chunk import ColumnChunk
from cbi.parquet.footer import MAGIC, TAIL_BYTES, Column, Footer, RowGroup, encode_footer
from cbi.parquet.limits import Declared, check_declared, check_footer_length
from cbi.parquet.ranges import Range, RangeReader, Read, Segments, SparseFile, Streamed
from cbi.parquet.source import raising_unreadable, with_dictionaries
from cbi.parquet.spec import Encoding, SchemaElement
from cbi.parquet.unsplicable import Unsplicable
from cbi.settings import DEFAULTS, Settings

# What is fetched of a file's end at first; a footer seldom is larger.
_FOOTER_GUESS = 64 << 10

# A file up to this size is fetched whole: one request is quicker than two.
_SMALL_FILE = 4 << 20

# Column chunks of several row groups are fetched together up to this size.
_WINDOW_BYTES = 8 << 20

# A record batch has at most this many rows, and values where there are many columns.
_BATCH_ROWS, _BATCH_CELLS = 1 << 17, 1 << 21

# Row groups of fewer rows are better read together, though codes cannot be.
_LEAST_CODED_ROWS = 1 << 12

_ARROW_SCHEMA = b"ARROW:schema"

# What Arrow can read as codes: dictionary pages, and the plain ones that follow where those grow too large.
_CODABLE = {
    Encoding.PLAIN,
    Encoding.PLAIN_DICTIONARY,
    Encoding.RLE,
    Encoding.BIT_PACKED,
    Encoding.RLE_DICTIONARY,
}


@dataclass(frozen=True)
class FetchedGroup:
    """A row group whose bytes are here, for the columns that were asked for; `number` is that in the file.

    Arrow's reader, which row groups fetched together share, serves one thread at a time.
    """

    number: int
    rows: int
    file: pq.ParquetFile
    index: int

    def column(self, name: str) -> pa.ChunkedArray:
        """All values of a column."""
        with raising_unreadable():
            return self.file.read_row_group(self.index, columns=[name]).column(0)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All columns, a record batch at a time."""
        yield from _batches(self.file, [self.index])


class FlatFile:
    """A parquet file with a footer of our own reading; `schema`, `rows` and `batches` as of a ParquetSource.

    Making one raises Unsplicable where the footer cannot be read here, reading InvalidFile where the pages
    cannot be read at all.
    """

    def __init__(self, read: Read, size: int, limits: Settings = DEFAULTS) -> None:
        """Read the footer. Raises InvalidFile where it declares more than the limits."""
        self.size = size
        self._limits = limits
        self.reader = RangeReader(read, size)
        self._whole: Segments | None = None
        self.footer = self._read_footer()
        self.columns = self.footer.columns()
        self.rows = self.footer.rows
        check_declared(self._declared, limits)
        leaves = self.columns[-1].leaves.stop if self.columns else 0
        for group in self.footer.row_groups:
            if len(group.chunks) != leaves:
                raise Unsplicable(f"a row group has {len(group.chunks)} column chunks for {leaves} columns")
        self.created_by = self.footer.created_by

    @property
    def _declared(self) -> Declared:
        groups = self.footer.row_groups
        uncompressed = sum(chunk.uncompressed for group in groups for chunk in group.chunks)
        return Declared(
            sum(len(column.leaves) for column in self.columns), self.rows, len(groups), uncompressed
        )

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns as Arrow reads them."""
        with raising_unreadable():
            return self._open(self._pruned(self.columns, ()), Segments([])).schema_arrow

    def column(self, name: str) -> Column:
        """The first column of this name."""
        return self._columns_by_name[name]

    def leaf_number(self, name: str) -> int:
        """Which of a row group's chunks is a flat column's."""
        return self._columns_by_name[name].leaves.start

    @cached_property
    def _columns_by_name(self) -> dict[str, Column]:
        return {column.name: column for column in reversed(self.columns)}

    def row_groups(
        self,
        columns: Sequence[str] | None = None,
        numbers: Sequence[int] | None = None,
        as_dictionary: Sequence[str] = (),
    ) -> Iterator[FetchedGroup]:
        """Fetch the named top-level columns, or all, of all row groups that have rows, or of some.

        Text in `as_dictionary` comes as dictionaries; its encodings must allow that.
        """
        for file, window in self._fetched(columns, numbers, as_dictionary):
            for index, (number, group) in enumerate(window.items()):
                yield FetchedGroup(number, group.rows, file, index)

    def _fetched(
        self,
        columns: Sequence[str] | None,
        numbers: Sequence[int] | None = None,
        as_dictionary: Sequence[str] = (),
    ) -> Iterator[tuple[pq.ParquetFile, dict[int, RowGroup]]]:
        """Files of row groups that are fetched together, by their numbers."""
        chosen = [column for column in self.columns if columns is None or column.name in columns]
        leaves = [leaf for column in chosen for leaf in column.leaves]
        wanted = range(len(self.footer.row_groups)) if numbers is None else numbers
        for window in _windows({n: self.footer.row_groups[n].select(leaves) for n in wanted}):
            chunks = [chunk for group in window.values() for chunk in group.chunks]
            with raising_unreadable():
                fetched = self.fetch(chunks)
                file = self._open(self._pruned(chosen, list(window.values())), fetched, as_dictionary)
            yield file, window

    def fetch(self, chunks: Iterable[ColumnChunk]) -> Segments:
        """The bytes of column chunks."""
        return self._whole or self.reader.fetch([Range(chunk.first_page, chunk.end) for chunk in chunks])

    def stream(self, chunk: ColumnChunk, step: int) -> Segments | Streamed:
        """The bytes of a large column chunk, fetched `step` at a time as they are asked for in order."""
        return self._whole or Streamed(self.reader, Range(chunk.first_page, chunk.end), step)

    def fetched_group(self, number: int, name: str, segments: Segments) -> FetchedGroup:
        """A row group's chunk of one column, whose bytes are here already."""
        group = self.footer.row_groups[number].select([self.leaf_number(name)])
        with raising_unreadable():
            file = self._open(self._pruned([self.column(name)], [group]), segments)
        return FetchedGroup(number, group.rows, file, 0)

    def batches(
        self, columns: Sequence[str] | None = None, as_dictionary: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """Read the named top-level columns, or all, from the beginning; some as dictionaries."""
        direct = [name for name in as_dictionary if self._reads_as_codes(name)]
        others = [name for name in as_dictionary if name not in direct]
        for file, window in self._fetched(columns, as_dictionary=direct):
            for batch in _batches(file, range(len(window))):
                with raising_unreadable():
                    for name in direct:
                        batch[name].validate(full=True)  # Arrow takes any code for a dictionary's
                batch = with_dictionaries(batch, others)
                yield batch if columns is None else batch.select(columns)

    def _reads_as_codes(self, name: str) -> bool:
        """Whether to let Arrow read a column's codes instead of its text.

        It cannot where pages hold differences, and makes a batch of each row group, so none should be small.
        """
        if self.rows < _LEAST_CODED_ROWS * len(self.footer.row_groups):
            return False
        number = self.leaf_number(name)
        chunks = (group.chunks[number] for group in self.footer.row_groups)
        return all(_CODABLE.issuperset(chunk.encodings) for chunk in chunks)

    def _read_footer(self) -> Footer:
        size = self.size
        start = 0 if size <= _SMALL_FILE else size - _FOOTER_GUESS
        tail = self.reader.fetch([Range(start, size)])
        end = size - TAIL_BYTES
        if end < len(MAGIC) or tail.slice(size - len(MAGIC), size) != MAGIC:
            raise Unsplicable("it does not end as a parquet file with a plain footer does")
        begin = end - int.from_bytes(tail.slice(end, end + 4), "little")
        if begin < len(MAGIC):
            raise Unsplicable(f"its footer would begin {len(MAGIC) - begin} bytes before the first page")
        check_footer_length(end - begin, self._limits)
        if begin < start:
            tail = self.reader.fetch([Range(begin, start)]).joined(start, bytes(tail.slice(start, size)))
        if start == 0:
            self._whole = tail
        return Footer.decode(bytes(tail.slice(begin, end)))

    def _open(self, footer: bytes, segments: Segments, as_dictionary: Sequence[str] = ()) -> pq.ParquetFile:
        """Open what is here of the file as if it had this footer."""
        return pq.ParquetFile(
            pa.PythonFile(SparseFile(segments, self.size), mode="r"),
            metadata=pq.read_metadata(pa.BufferReader(MAGIC + footer)),
            read_dictionary=list(as_dictionary) or None,
            coerce_int96_timestamp_unit="us",
            page_checksum_verification=True,
        )

    def _pruned(self, columns: Sequence[Column], row_groups: Sequence[RowGroup]) -> bytes:
        """A footer that knows these columns and row groups only: of a wide file Arrow reads it the sooner."""
        root = self.footer.schema[0].struct.replaced({SchemaElement.NUM_CHILDREN: thrift.i32(len(columns))})
        elements = [element.struct for column in columns for element in column.elements]
        return encode_footer(
            self.footer.struct,
            schema=[element.encode() for element in (root, *elements)],
            row_groups=[group.encode() for group in row_groups],
            rows=sum(group.rows for group in row_groups),
            key_values=self._key_values(columns),
            column_orders=None,
        )

    def _key_values(self, columns: Sequence[Column]) -> dict[bytes, bytes]:
        """The writer's metadata; the Arrow schema in it, which goes by position, for just these columns."""
        key_values = self.footer.key_values
        if len(columns) == len(self.columns) or _ARROW_SCHEMA not in key_values:
            return key_values
        arrow = pa.ipc.read_schema(pa.py_buffer(b64decode(key_values[_ARROW_SCHEMA])))
        if len(arrow) != len(self.columns):
            raise Unsplicable(f"it has {len(self.columns)} columns, its Arrow schema {len(arrow)}")
        numbers = {column.leaves.start: number for number, column in enumerate(self.columns)}
        chosen = pa.schema([arrow.field(numbers[column.leaves.start]) for column in columns])
        return {_ARROW_SCHEMA: b64encode(chosen.serialize().to_pybytes())}


def _batches(file: pq.ParquetFile, row_groups: Iterable[int]) -> Iterator[pa.RecordBatch]:
    """All columns of row groups; a batch may have rows of several."""
    with raising_unreadable():
        rows = max(_BATCH_CELLS // max(file.metadata.num_columns, 1), 1)
        yield from file.iter_batches(min(rows, _BATCH_ROWS), row_groups=list(row_groups))


def _windows(groups: Mapping[int, RowGroup]) -> Iterator[dict[int, RowGroup]]:
    """Row groups with rows, gathered to a size that is fetched at once."""
    window: dict[int, RowGroup] = {}
    gathered = 0
    for number, group in groups.items():
        size = sum(chunk.compressed for chunk in group.chunks)
        if window and gathered + size > _WINDOW_BYTES:
            yield window
            window, gathered = {}, 0
        if group.rows:
            window[number] = group
            gathered += size
    if window:
        yield window
