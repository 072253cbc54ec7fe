"""The pages of a column chunk, as far as their values can be seen without decoding them into columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from cbi.parquet.column_chunk import ColumnChunk
from cbi.parquet.spec import (
    Codec,
    DataPageHeader,
    DataPageHeaderV2,
    DictionaryPageHeader,
    Encoding,
    PageHeader,
    PageType,
)
from cbi.parquet.thrift import MalformedThrift, Struct

_CODECS = {Codec.SNAPPY: "snappy", Codec.GZIP: "gzip", Codec.ZSTD: "zstd", Codec.LZ4_RAW: "lz4_raw"}

# A header has some 20 bytes, and with its statistics some 100.
_LARGEST_HEADER = 1 << 10

# Pages that are smaller on average are read faster by Arrow; a few are allowed, as a small chunk has them.
_SMALLEST_PAGE, _SMALL_PAGES = 4 << 10, 64

# The length of the levels of a page of the first version, before them.
_LENGTH_BYTES = 4


class UnknownPage(Exception):
    """A page that is not read here: unusual, or damaged, which Arrow's reader tells apart."""


class Content(Protocol):
    """Bytes of a file by their place in it."""

    def slice(self, start: int, end: int) -> memoryview | bytes: ...


@dataclass(frozen=True)
class Page:
    """A page's values without its NULLs, in its encoding; those of a dictionary page are PLAIN."""

    encoding: int
    values: pa.Buffer


def read_pages(content: Content, chunk: ColumnChunk, required: bool) -> Iterator[Page]:
    """The pages of a flat column's chunk, uncompressed, but not those of dictionary codes.

    `required` says that the column has no NULLs, and so no levels. Raises UnknownPage, also where the pages
    do not have as many values as the footer says, so that none has been left out.
    """
    try:
        yield from _pages(content, chunk, required)
    except MalformedThrift as error:
        raise UnknownPage(str(error)) from error


def _pages(content: Content, chunk: ColumnChunk, required: bool) -> Iterator[Page]:
    at, values, number = chunk.first_page, 0, 0
    while at < chunk.end:
        number += 1
        if number > _SMALL_PAGES + (at - chunk.first_page) // _SMALLEST_PAGE:
            raise UnknownPage("the pages are small")
        header, begin = _read_header(content, at, chunk.end)
        at = begin + _size(header, PageHeader.COMPRESSED_PAGE_SIZE, chunk.end - begin)
        body = _Body(content, chunk, header, begin, at)
        match header.integer(PageHeader.TYPE):
            case PageType.DICTIONARY_PAGE:
                yield body.dictionary()
            case PageType.DATA_PAGE:
                described = _struct(header, PageHeader.DATA_PAGE_HEADER)
                values += _size(described, DataPageHeader.NUM_VALUES, chunk.values)
                if not _is_coded(encoding := _size(described, DataPageHeader.ENCODING)):
                    yield Page(encoding, body.values(described, required))
            case PageType.DATA_PAGE_V2:
                described = _struct(header, PageHeader.DATA_PAGE_HEADER_V2)
                values += _size(described, DataPageHeaderV2.NUM_VALUES, chunk.values)
                if not _is_coded(encoding := _size(described, DataPageHeaderV2.ENCODING)):
                    yield Page(encoding, body.values_v2(described))
            case kind:
                raise UnknownPage(f"there is a page of type {kind}")
    if values != chunk.values:
        raise UnknownPage(f"the pages have {values} values, the footer says {chunk.values}")


def _is_coded(encoding: int) -> bool:
    """Whether a page's values are codes of a dictionary, whose page comes first."""
    return encoding in (Encoding.RLE_DICTIONARY, Encoding.PLAIN_DICTIONARY)


@dataclass(frozen=True)
class _Body:
    """What follows a page's header in the file, from `begin` to before `end`."""

    content: Content
    chunk: ColumnChunk
    header: Struct
    begin: int
    end: int

    def dictionary(self) -> Page:
        described = _struct(self.header, PageHeader.DICTIONARY_PAGE_HEADER)
        encoding = _size(described, DictionaryPageHeader.ENCODING)
        if encoding not in (Encoding.PLAIN, Encoding.PLAIN_DICTIONARY):
            raise UnknownPage(f"a dictionary has encoding {encoding}")
        return Page(Encoding.PLAIN, self._uncompressed(self.begin))

    def values(self, described: Struct, required: bool) -> pa.Buffer:
        """The values of a page of the first version, which is compressed with its levels."""
        page = self._uncompressed(self.begin)
        if required:
            return page
        if described.integer(DataPageHeader.DEFINITION_LEVEL_ENCODING) != Encoding.RLE:
            raise UnknownPage("the definition levels are not RLE")
        levels = _LENGTH_BYTES + int.from_bytes(memoryview(page)[:_LENGTH_BYTES], "little")
        if levels > page.size:
            raise UnknownPage("the definition levels are longer than the page")
        return page.slice(levels)

    def values_v2(self, described: Struct) -> pa.Buffer:
        """The values of a page of the second version, which come compressed behind levels that are not."""
        stored = self.end - self.begin
        levels = _size(described, DataPageHeaderV2.DEFINITION_LEVELS_BYTE_LENGTH, stored)
        levels += _size(described, DataPageHeaderV2.REPETITION_LEVELS_BYTE_LENGTH, stored - levels)
        compressed = described.boolean(DataPageHeaderV2.IS_COMPRESSED)
        return self._uncompressed(self.begin + levels, levels, compressed=compressed is not False)

    def _uncompressed(self, begin: int, levels: int = 0, *, compressed: bool = True) -> pa.Buffer:
        """The bytes from `begin` on; of the size that the header says, `levels` are before them."""
        stored = pa.py_buffer(self.content.slice(begin, self.end))
        size = _size(self.header, PageHeader.UNCOMPRESSED_PAGE_SIZE, self.chunk.uncompressed) - levels
        if not compressed or self.chunk.codec == Codec.UNCOMPRESSED:
            return stored
        if self.chunk.codec not in _CODECS:
            raise UnknownPage(f"there is no codec {self.chunk.codec}")
        if size <= 0:
            return pa.py_buffer(b"")
        try:
            return pa.Codec(_CODECS[Codec(self.chunk.codec)]).decompress(stored, size)
        except (pa.ArrowException, OSError) as error:
            raise UnknownPage(str(error)) from error


def _read_header(content: Content, at: int, end: int) -> tuple[Struct, int]:
    """A page's header, and where what follows it begins."""
    data = bytes(content.slice(at, min(at + _LARGEST_HEADER, end)))
    header, _, length = Struct.decode_at(data, 0)
    return header, at + length


def _struct(header: Struct, number: int) -> Struct:
    described = header.struct(number)
    if described is None:
        raise UnknownPage(f"a page's header has no field {number}")
    return described


def _size(header: Struct, number: int, most: int = 1 << 31) -> int:
    """A field that must be there and in bounds."""
    value = header.integer(number)
    if value is None or not 0 <= value <= most:
        raise UnknownPage(f"field {number} of a page's header is {value}")
    return value
