"""The pages of a column chunk are read as they are stored, or called unknown."""

import struct
from typing import Any

import pyarrow as pa
import pytest
from support.splicing import open_flat
from support.tables import to_parquet

from cbi.parquet import thrift
from cbi.parquet.column_chunk import ColumnChunk
from cbi.parquet.pages import UnknownPage, read_pages
from cbi.parquet.ranges import Segments
from cbi.parquet.spec import DataPageHeader, Encoding, PageHeader, PageType
from cbi.parquet.thrift import Field, Struct

VALUES = [1.5, None, 2.5]
PLAIN: dict[str, Any] = {"use_dictionary": False, "compression": "none", "write_statistics": False}
_BIT_PACKED, _INDEX_PAGE, _DELTA_BINARY_PACKED = 4, 1, 5


def chunk_of(content: bytes) -> ColumnChunk:
    return open_flat(content).footer.row_groups[0].chunks[0]


def pages(content: bytes, chunk: ColumnChunk, required: bool = False) -> list[tuple[int, bytes]]:
    segments = Segments([(0, content)])
    return [(page.encoding, page.values.to_pybytes()) for page in read_pages(segments, chunk, required)]


def doubles(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def tampered(number: int, field: Field, *, inner: bool = False) -> tuple[bytes, ColumnChunk]:
    """A file whose only page has another header of the same length."""
    content = to_parquet(pa.table({"price": VALUES}), **PLAIN)
    chunk = chunk_of(content)
    header, _, end = Struct.decode_at(content[chunk.first_page : chunk.end], 0)
    if inner:
        described = (header.struct(PageHeader.DATA_PAGE_HEADER) or Struct()).replaced({number: field})
        changed = header.replaced({PageHeader.DATA_PAGE_HEADER: thrift.struct(described)}).encode()
    else:
        changed = header.replaced({number: field}).encode()
    assert len(changed) == end
    return content[: chunk.first_page] + changed + content[chunk.first_page + end :], chunk


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_values_come_uncompressed_and_without_levels(compression: str, version: str) -> None:
    options: dict[str, Any] = {**PLAIN, "compression": compression, "data_page_version": version}
    content = to_parquet(pa.table({"price": VALUES}), **options)
    assert pages(content, chunk_of(content)) == [(Encoding.PLAIN, doubles(1.5, 2.5))]


def test_a_required_column_has_no_levels() -> None:
    schema = pa.schema([pa.field("price", pa.float64(), nullable=False)])
    content = to_parquet(pa.table({"price": [1.5, 2.5]}, schema=schema), **PLAIN)
    assert pages(content, chunk_of(content), required=True) == [(Encoding.PLAIN, doubles(1.5, 2.5))]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_of_codes_only_the_dictionary_comes(version: str) -> None:
    options = {**PLAIN, "use_dictionary": True, "data_page_version": version}
    content = to_parquet(pa.table({"price": VALUES * 9}), **options)
    assert pages(content, chunk_of(content)) == [(Encoding.PLAIN, doubles(1.5, 2.5))]


@pytest.mark.parametrize(
    ("number", "field", "inner", "reason"),
    [
        (PageHeader.TYPE, thrift.i32(_INDEX_PAGE), False, "type 1"),
        (PageHeader.TYPE, thrift.i32(PageType.DATA_PAGE_V2), False, "no field 8"),
        (PageHeader.COMPRESSED_PAGE_SIZE, thrift.i32(63), False, "field 3 .* is 63"),
        (PageHeader.COMPRESSED_PAGE_SIZE, thrift.i32(-1), False, "field 3 .* is -1"),
        (DataPageHeader.DEFINITION_LEVEL_ENCODING, thrift.i32(_BIT_PACKED), True, "not RLE"),
        (DataPageHeader.NUM_VALUES, thrift.i32(2), True, "2 values, the footer says 3"),
    ],
    ids=["page type", "no header", "too long", "negative", "levels", "values"],
)
def test_a_page_that_is_not_understood_is_unknown(
    number: int, field: Field, inner: bool, reason: str
) -> None:
    content, chunk = tampered(number, field, inner=inner)
    with pytest.raises(UnknownPage, match=reason):
        pages(content, chunk)


def test_an_unknown_encoding_is_told() -> None:
    content, chunk = tampered(DataPageHeader.ENCODING, thrift.i32(_DELTA_BINARY_PACKED), inner=True)
    assert pages(content, chunk) == [(_DELTA_BINARY_PACKED, doubles(1.5, 2.5))]
