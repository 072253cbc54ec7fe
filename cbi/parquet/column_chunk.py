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
    def statistics(self) -> Struct:
        """What the footer says of the chunk's values (a Statistics), without decoding what stands before."""
        found = _before_statistics()(self.after_path, 0)
        if found is None:
            return self.metadata.struct(ColumnMetaData.STATISTICS) or Struct()
        return Struct.decode_at(self.after_path, found.end())[0]

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


_NUMBER = b"(" + VARINT + b")"

_NUMBERS_BEHIND_PATH = (
    header(I32, ColumnMetaData.CODEC, ColumnMetaData.PATH_IN_SCHEMA) + b"([\x00-\x7f])",
    header(I64, ColumnMetaData.NUM_VALUES, ColumnMetaData.CODEC) + _NUMBER,
    header(I64, ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE, ColumnMetaData.NUM_VALUES) + _NUMBER,
    header(I64, ColumnMetaData.TOTAL_COMPRESSED_SIZE, ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE) + _NUMBER,
    header(I64, ColumnMetaData.DATA_PAGE_OFFSET, ColumnMetaData.TOTAL_COMPRESSED_SIZE) + _NUMBER,
)
_DICTIONARY_PAGE = header(I64, ColumnMetaData.DICTIONARY_PAGE_OFFSET, ColumnMetaData.DATA_PAGE_OFFSET)


@cache
def _before_statistics() -> Match:
    """Match from behind a chunk's path to its statistics, as most writers encode what stands between."""
    metadata = ColumnMetaData
    dictionary_page = _DICTIONARY_PAGE + VARINT
    statistics = [
        dictionary_page + header(STRUCT, metadata.STATISTICS, metadata.DICTIONARY_PAGE_OFFSET),
        header(STRUCT, metadata.STATISTICS, metadata.DATA_PAGE_OFFSET),
    ]
    return re.compile(b"".join(_NUMBERS_BEHIND_PATH) + one_of(statistics), re.DOTALL).match


@cache
def _patterns() -> tuple[Match, Match]:
    """Match a chunk as most writers encode it: up to its path, and from behind its path to its end.

    Before: file_offset, then the metadata with type and encodings. After, in groups: codec, number of values,
    uncompressed and compressed size, first data page, dictionary page (if there is one, and no index page).
    """
    chunk, metadata = spec.ColumnChunk, ColumnMetaData
    before = [
        header(I64, chunk.FILE_OFFSET) + VARINT,
        header(STRUCT, chunk.META_DATA, chunk.FILE_OFFSET),
        header(I32, metadata.TYPE) + VARINT,
        header(LIST, metadata.ENCODINGS, metadata.TYPE) + one_of(short_lists((I32,), VARINT, 8)),
        header(LIST, metadata.PATH_IN_SCHEMA, metadata.ENCODINGS) + b"(?=" + short_list(BINARY, 1) + b")",
    ]
    text = short_binary(24)
    data_page, index_page = metadata.DATA_PAGE_OFFSET, metadata.INDEX_PAGE_OFFSET
    no_page = b"(?!" + one_of([_DICTIONARY_PAGE, header(I64, index_page, data_page), long_header(I64)]) + b")"
    after = [
        *_NUMBERS_BEHIND_PATH,
        one_of([_DICTIONARY_PAGE + _NUMBER, no_page]),
        fields(1, text) + rb"\x00",
        fields(0, text) + rb"\x00",
    ]
    return re.compile(b"".join(before), re.DOTALL).match, re.compile(b"".join(after), re.DOTALL).match
