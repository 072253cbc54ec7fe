"""One column's bytes within a row group, as the footer describes them."""

import re
from functools import cache
from typing import NamedTuple

from cbi.parquet import spec
from cbi.parquet.spec import ColumnMetaData
from cbi.parquet.thrift import (
    MalformedThrift,
    Struct,
    encode_binary,
    encode_list,
    locate,
    read_integer,
)
from cbi.parquet.thrift_patterns import (
    VARINT,
    Match,
    fields,
    header,
    long_header,
    one_of,
    short_binary,
    short_list,
    short_lists,
)
from cbi.parquet.thrift_types import BINARY, I32, I64, LIST, STRUCT

_NUMBERS = (
    ColumnMetaData.CODEC,
    ColumnMetaData.NUM_VALUES,
    ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE,
    ColumnMetaData.TOTAL_COMPRESSED_SIZE,
    ColumnMetaData.DATA_PAGE_OFFSET,
)


class ColumnChunk(NamedTuple):
    """A column chunk's bytes in the footer, cut before and after its path, and the numbers splicing needs.

    Sizes are in bytes, of all pages with their headers. `elsewhere` tells that the pages are in another file.
    """

    before_path: bytes
    path: bytes
    after_path: bytes
    codec: int
    values: int
    uncompressed: int
    compressed: int
    first_page: int
    elsewhere: bool = False

    @property
    def raw(self) -> bytes:
        return self.before_path + self.path + self.after_path

    @property
    def end(self) -> int:
        """Where its bytes end in the file; they begin at `first_page`."""
        return self.first_page + self.compressed

    @property
    def metadata(self) -> Struct:
        """All that the footer says of the chunk (a ColumnMetaData)."""
        return Struct.decode(self.raw).struct(spec.ColumnChunk.META_DATA) or Struct()

    @property
    def encodings(self) -> list[int]:
        """The numbers of all encodings that its pages use."""
        return [read_integer(encoding) for encoding in self.metadata.items_of(ColumnMetaData.ENCODINGS) or ()]

    def renamed(self, path: bytes) -> "PlacedChunk":
        """The chunk where it is, under another (encoded) path."""
        raw = self.before_path + path + self.after_path
        return PlacedChunk(raw, self.uncompressed, self.compressed, self.first_page)


class PlacedChunk(NamedTuple):
    """A column chunk as a new footer describes it."""

    raw: bytes
    uncompressed: int
    compressed: int
    first_page: int


def encode_path(path: str) -> bytes:
    """A dotted path as the value of path_in_schema."""
    return encode_list(BINARY, [encode_binary(name.encode()) for name in path.split(".")])


def _first_page(data_page: int, dictionary: int) -> int:
    # Some writers say 0, or an offset behind the data, where there is no dictionary page.
    return dictionary if 0 < dictionary < data_page else data_page


def decode_chunk(data: bytes, at: int) -> tuple[ColumnChunk, int]:
    """Decode the ColumnChunk that begins at `at`, and tell where it ends.

    Raises MalformedThrift, also where it does not say where its pages are.
    """
    chunk, _, end = Struct.decode_at(data, at)
    metadata = chunk.struct(spec.ColumnChunk.META_DATA)
    if metadata is None:
        raise MalformedThrift("a column chunk has no metadata; perhaps it is encrypted")
    numbers = [metadata.integer(field) for field in _NUMBERS]
    codec, values, uncompressed, compressed, data_page = (number or 0 for number in numbers)
    if ColumnMetaData.PATH_IN_SCHEMA not in metadata or None in numbers:
        raise MalformedThrift(f"a column chunk's metadata has only the fields {sorted(metadata)}")
    metadata_begin, _ = locate(data, at, spec.ColumnChunk.META_DATA)
    begin, path_end = locate(data, metadata_begin, ColumnMetaData.PATH_IN_SCHEMA)
    decoded = ColumnChunk(
        before_path=data[at:begin],
        path=data[begin:path_end],
        after_path=data[path_end:end],
        codec=codec,
        values=values,
        uncompressed=uncompressed,
        compressed=compressed,
        first_page=_first_page(data_page, metadata.integer(ColumnMetaData.DICTIONARY_PAGE_OFFSET) or 0),
        elsewhere=spec.ColumnChunk.FILE_PATH in chunk,
    )
    return decoded, end


def decode_chunk_quickly(data: bytes, at: int) -> tuple[ColumnChunk, int]:
    """The same as `decode_chunk`, some ten times as quick after the first time, which takes 30 ms."""
    before, after = _patterns()
    found = before(data, at)
    if found is None:
        return decode_chunk(data, at)
    begin = found.end()
    end = begin + 2 + data[begin + 1]  # the list's header, and the name's length in one byte
    found = after(data, end)
    if found is None or data[begin + 1] > 127:
        return decode_chunk(data, at)
    codec, values, uncompressed, compressed, data_page, dictionary = found.groups()
    first_page = read_integer(data_page)
    if dictionary is not None:
        first_page = _first_page(first_page, read_integer(dictionary))
    stop = found.end()
    decoded = ColumnChunk(
        before_path=data[at:begin],
        path=data[begin:end],
        after_path=data[end:stop],
        codec=codec[0] >> 1,
        values=read_integer(values),
        uncompressed=read_integer(uncompressed),
        compressed=read_integer(compressed),
        first_page=first_page,
    )
    return decoded, stop


@cache
def _patterns() -> tuple[Match, Match]:
    """Match a chunk as most writers encode it: up to its path, and from behind its path to its end.

    Before: file_offset, then the metadata with type and encodings. After, in groups: codec, number of values,
    uncompressed and compressed size, first data page, dictionary page (if there is one, and no index page).
    """
    chunk, metadata = spec.ColumnChunk, ColumnMetaData
    number = b"(" + VARINT + b")"
    before = [
        header(I64, chunk.FILE_OFFSET) + VARINT,
        header(STRUCT, chunk.META_DATA, chunk.FILE_OFFSET),
        header(I32, metadata.TYPE) + VARINT,
        header(LIST, metadata.ENCODINGS, metadata.TYPE) + one_of(short_lists((I32,), VARINT, 8)),
        header(LIST, metadata.PATH_IN_SCHEMA, metadata.ENCODINGS) + b"(?=" + short_list(BINARY, 1) + b")",
    ]
    text = short_binary(24)
    data_page, index_page = metadata.DATA_PAGE_OFFSET, metadata.INDEX_PAGE_OFFSET
    dictionary_page = header(I64, metadata.DICTIONARY_PAGE_OFFSET, data_page)
    no_page = b"(?!" + one_of([dictionary_page, header(I64, index_page, data_page), long_header(I64)]) + b")"
    after = [
        header(I32, metadata.CODEC, metadata.PATH_IN_SCHEMA) + b"([\x00-\x7f])",
        header(I64, metadata.NUM_VALUES, metadata.CODEC) + number,
        header(I64, metadata.TOTAL_UNCOMPRESSED_SIZE, metadata.NUM_VALUES) + number,
        header(I64, metadata.TOTAL_COMPRESSED_SIZE, metadata.TOTAL_UNCOMPRESSED_SIZE) + number,
        header(I64, data_page, metadata.TOTAL_COMPRESSED_SIZE) + number,
        one_of([dictionary_page + number, no_page]),
        fields(1, text) + rb"\x00",
        fields(0, text) + rb"\x00",
    ]
    return re.compile(b"".join(before), re.DOTALL).match, re.compile(b"".join(after), re.DOTALL).match
