"""One column's bytes within a row group, as the footer describes them."""

import re
from functools import cache
from typing import NamedTuple

from cbi.parquet.thrift import MalformedThrift, Struct, binary, locate, read_integer, sequence
from cbi.parquet.thrift_patterns import (
    VARINT,
    Match,
    any_byte,
    fields,
    one_of,
    short_binary,
    short_lists,
)
from cbi.parquet.thrift_types import BINARY, I32, I64, LIST, STRUCT


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
        return Struct.decode(self.raw).struct(3) or Struct()

    @property
    def encodings(self) -> list[int]:
        """The numbers of all encodings that its pages use."""
        return [read_integer(each) for each in self.metadata.items_of(2) or ()]

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
    return sequence(BINARY, [binary(name.encode()) for name in path.split(".")])


def _first_page(data_page: int, dictionary: int) -> int:
    # Some writers say 0, or an offset behind the data, where there is no dictionary page.
    return dictionary if 0 < dictionary < data_page else data_page


def decode_chunk(data: bytes, at: int) -> tuple[ColumnChunk, int]:
    """Decode the ColumnChunk that begins at `at`, and tell where it ends.

    Raises MalformedThrift, also where it does not say where its pages are.
    """
    chunk, _, end = Struct.decode_at(data, at)
    metadata = chunk.struct(3)
    if metadata is None:
        raise MalformedThrift("a column chunk has no metadata; perhaps it is encrypted")
    codec, values, uncompressed, compressed, data_page = (metadata.integer(n) for n in (4, 5, 6, 7, 9))
    if 3 not in metadata or None in (codec, values, uncompressed, compressed, data_page):
        raise MalformedThrift(f"a column chunk's metadata has only the fields {sorted(metadata)}")
    begin, path_end = locate(data, locate(data, at, 3)[0], 3)
    decoded = ColumnChunk(
        data[at:begin],
        data[begin:path_end],
        data[path_end:end],
        codec or 0,
        values or 0,
        uncompressed or 0,
        compressed or 0,
        _first_page(data_page or 0, metadata.integer(11) or 0),
        elsewhere=1 in chunk,
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
        data[at:begin],
        data[begin:end],
        data[end:stop],
        codec[0] >> 1,
        read_integer(values),
        read_integer(uncompressed),
        read_integer(compressed),
        first_page,
    )
    return decoded, stop


@cache
def _patterns() -> tuple[Match, Match]:
    """Match a chunk as most writers encode it: up to its path, and from behind its path to its end.

    Before: file_offset, then the metadata with type and encodings. After, in groups: codec, number of values,
    uncompressed and compressed size, first data page, dictionary page (if there is one, and no index page).
    """
    number = b"(" + VARINT + b")"
    no_page = b"(?!" + any_byte([2 << 4 | I64, 1 << 4 | I64, I64]) + b")"
    before = [
        any_byte([2 << 4 | I64]) + VARINT,
        any_byte([1 << 4 | STRUCT]),
        any_byte([1 << 4 | I32]) + VARINT,
        any_byte([1 << 4 | LIST]) + one_of(short_lists((I32,), VARINT, 8)),
        any_byte([1 << 4 | LIST]) + b"(?=" + any_byte([1 << 4 | BINARY]) + b")",
    ]
    text = short_binary(24)
    after = [
        any_byte([1 << 4 | I32]) + b"([\x00-\x7f])",
        *3 * [any_byte([1 << 4 | I64]) + number],
        any_byte([2 << 4 | I64]) + number,
        one_of([any_byte([2 << 4 | I64]) + number, no_page]),
        fields(1, text) + rb"\x00",
        fields(0, text) + rb"\x00",
    ]
    return re.compile(b"".join(before), re.DOTALL).match, re.compile(b"".join(after), re.DOTALL).match
