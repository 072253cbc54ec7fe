"""New column chunks: encoded by Arrow into a file of their own, and lifted out of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from cbi.enrich.parquet.column_chunk import ColumnChunk, PlacedChunk
from cbi.enrich.parquet.footer import TAIL_BYTES, Footer
from cbi.enrich.parquet.thrift import Struct, integer
from cbi.enrich.parquet.thrift_types import I64, LIST, STRUCT

# The fields of ColumnMetaData that say where pages are: data, index and dictionary pages.
_OFFSETS = (9, 10, 11)


@dataclass(frozen=True)
class Encoded:
    """A column chunk's pages, and its description, which `place` completes."""

    pages: memoryview
    chunk: Struct
    metadata: Struct
    found_at: int
    uncompressed: int

    def place(self, at: int, path: bytes) -> PlacedChunk:
        """The chunk under this (encoded) path, when its pages are at this place of a file."""
        moved: dict[int, tuple[int, bytes]] = {3: (LIST, path)}
        for number in _OFFSETS:
            offset = self.metadata.integer(number)
            if offset is not None:
                moved[number] = I64, integer(offset - self.found_at + at)
        metadata = self.metadata.replaced(moved).encode()
        # file_offset once was where a copy of the metadata lay; writers of today say 0 for nowhere.
        raw = self.chunk.replaced({2: (I64, integer(0)), 3: (STRUCT, metadata)}).encode()
        return PlacedChunk(raw, self.uncompressed, len(self.pages), at)


def encode(columns: Sequence[tuple[pa.Array | pa.ChunkedArray, bool]]) -> list[Encoded]:
    """Encode equally long columns of a row group; the flags say which are REQUIRED (and have no NULL)."""
    fields = [
        pa.field(str(number), column.type, nullable=not required)
        for number, (column, required) in enumerate(columns)
    ]
    table = pa.table([column for column, _ in columns], schema=pa.schema(fields))
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink, table.schema, compression="zstd", compression_level=1, store_schema=False
    ) as writer:
        writer.write_table(table, row_group_size=max(len(table), 1))
    content = memoryview(sink.getvalue())
    end = len(content) - TAIL_BYTES
    footer = Footer.decode(bytes(content[end - int.from_bytes(content[end : end + 4], "little") : end]))
    return [_lift(content, chunk) for group in footer.row_groups for chunk in group.chunks]


def _lift(content: memoryview, described: ColumnChunk) -> Encoded:
    chunk = Struct.decode(described.raw)
    metadata = chunk.struct(3) or Struct()
    pages = content[described.first_page : described.end]
    return Encoded(pages, chunk, metadata, described.first_page, described.uncompressed)
