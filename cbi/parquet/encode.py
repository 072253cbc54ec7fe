"""New column chunks: encoded by Arrow into a file of their own, and lifted out of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from cbi.parquet import spec, thrift
from cbi.parquet.column_chunk import ColumnChunk, PlacedChunk
from cbi.parquet.footer import MAGIC, TAIL_BYTES, Footer
from cbi.parquet.spec import ColumnMetaData, PageHeader, Statistics
from cbi.parquet.thrift import Field, Struct
from cbi.parquet.thrift_types import LIST

_OFFSETS = (
    ColumnMetaData.DATA_PAGE_OFFSET,
    ColumnMetaData.INDEX_PAGE_OFFSET,
    ColumnMetaData.DICTIONARY_PAGE_OFFSET,
)


@dataclass(frozen=True)
class Encoded:
    """A column chunk's pages, and its description, which `place` completes."""

    pages: memoryview
    chunk: Struct
    metadata: Struct
    found_at: int
    uncompressed: int

    def place(self, at: int, path: bytes | None = None) -> PlacedChunk:
        """The chunk with its pages at this place of a file, under another (encoded) path if one is given."""
        moved: dict[int, Field] = {} if path is None else {ColumnMetaData.PATH_IN_SCHEMA: (LIST, path)}
        for field in _OFFSETS:
            offset = self.metadata.integer(field)
            if offset is not None:
                moved[field] = thrift.i64(offset - self.found_at + at)
        described = self.chunk.replaced(
            {
                # Once the place of a copy of the metadata; writers of today say 0 for nowhere.
                spec.ColumnChunk.FILE_OFFSET: thrift.i64(0),
                spec.ColumnChunk.META_DATA: thrift.struct(self.metadata.replaced(moved)),
            }
        )
        return PlacedChunk(described.encode(), self.uncompressed, len(self.pages), at)


def repeat(chunk: Encoded, times: int, rest: Encoded | None = None) -> Encoded:
    """A chunk of one value `times` times over, and the rest's after it: its data pages serve as they are.

    The rest must be of the same value, and so have the same dictionary.
    """
    dictionary, data = _pages(chunk)
    _, last = _pages(rest) if rest is not None else (b"", memoryview(b""))
    values = (chunk.metadata.integer(ColumnMetaData.NUM_VALUES) or 0) * times
    uncompressed = chunk.uncompressed + (chunk.uncompressed - _uncompressed(dictionary)) * (times - 1)
    if rest is not None:
        values += rest.metadata.integer(ColumnMetaData.NUM_VALUES) or 0
        uncompressed += rest.uncompressed - _uncompressed(dictionary)
    pages = memoryview(b"".join([dictionary, *[data] * times, last]))
    statistics = chunk.metadata.struct(ColumnMetaData.STATISTICS) or Struct()
    if statistics.integer(Statistics.NULL_COUNT):
        statistics = statistics.replaced({Statistics.NULL_COUNT: thrift.i64(values)})
    metadata = chunk.metadata.replaced(
        {
            ColumnMetaData.NUM_VALUES: thrift.i64(values),
            ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE: thrift.i64(uncompressed),
            ColumnMetaData.TOTAL_COMPRESSED_SIZE: thrift.i64(len(pages)),
            ColumnMetaData.STATISTICS: thrift.struct(statistics),
            ColumnMetaData.ENCODING_STATS: None,  # how many pages there are of each encoding
        }
    )
    return Encoded(pages, chunk.chunk, metadata, chunk.found_at, uncompressed)


def _pages(chunk: Encoded) -> tuple[memoryview, memoryview]:
    """A chunk's dictionary page, if it has one, and its data pages."""
    begin = (chunk.metadata.integer(ColumnMetaData.DATA_PAGE_OFFSET) or 0) - chunk.found_at
    return chunk.pages[:begin], chunk.pages[begin:]


def _uncompressed(page: memoryview) -> int:
    """How many bytes a page would have uncompressed, with its header."""
    if not page:
        return 0
    header, _, end = Struct.decode_at(bytes(page), 0)
    return end + (header.integer(PageHeader.UNCOMPRESSED_PAGE_SIZE) or 0)


@dataclass(frozen=True)
class EncodedGroup:
    """A row group in a file of its own: its column chunks, the pages of all of them, and the footer."""

    chunks: Sequence[Encoded]
    pages: memoryview
    footer: Footer


def encode(columns: Sequence[tuple[pa.Array | pa.ChunkedArray, bool]]) -> Sequence[Encoded]:
    """Encode equally long columns of a row group; the flags say which are REQUIRED (and have no NULL)."""
    fields = [
        pa.field(str(number), column.type, nullable=not required)
        for number, (column, required) in enumerate(columns)
    ]
    return encode_row_group(pa.table([column for column, _ in columns], schema=pa.schema(fields))).chunks


def encode_row_group(table: pa.Table, *, keep_types: bool = False) -> EncodedGroup:
    """Encode a table as one row group; `keep_types` stores the Arrow schema in the footer too."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="snappy",  # zstd takes twice the time to save a fifth of the bytes
        use_dictionary=[*_worth_a_dictionary(table.schema)],
        store_schema=keep_types,
    ) as writer:
        writer.write_table(table, row_group_size=max(len(table), 1))
    content = memoryview(sink.getvalue())
    end = len(content) - TAIL_BYTES
    begin = end - int.from_bytes(content[end : end + 4], "little")
    footer = Footer.decode(bytes(content[begin:end]))
    chunks = [_lift(content, chunk) for group in footer.row_groups for chunk in group.chunks]
    return EncodedGroup(chunks, content[len(MAGIC) : begin], footer)


def _worth_a_dictionary(fields: Iterable[pa.Field], prefix: str = "") -> Iterator[str]:
    """The paths of leaves whose values are likely to come again: all but floats.

    Those seldom do, and finding that out took longer than all else; where they do, compression sees to it.
    """
    for field in fields:
        path = prefix + field.name
        if types.is_struct(field.type):
            yield from _worth_a_dictionary(field.type, path + ".")
        elif not types.is_floating(field.type):
            yield path


def _lift(content: memoryview, described: ColumnChunk) -> Encoded:
    chunk = Struct.decode(described.raw)
    metadata = chunk.struct(spec.ColumnChunk.META_DATA) or Struct()
    pages = content[described.first_page : described.end]
    return Encoded(pages, chunk, metadata, described.first_page, described.uncompressed)
