"""The pages of a parquet file taken apart, changed, and put together again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cbi.parquet import thrift
from cbi.parquet.column_chunk import ColumnChunk, decode_chunk
from cbi.parquet.footer import TAIL_BYTES, Footer, encode_footer
from cbi.parquet.spec import ColumnChunk as ChunkFields
from cbi.parquet.spec import ColumnMetaData, PageHeader, PageType
from cbi.parquet.thrift import Struct


@dataclass(frozen=True)
class Page:
    """A page as it lies in the file: its header, and its bytes, compressed or not."""

    header: Struct
    body: bytes

    def encode(self) -> bytes:
        return self.header.encode() + self.body


def footer_start(content: bytes) -> int:
    return len(content) - TAIL_BYTES - int.from_bytes(content[-TAIL_BYTES:-4], "little")


def footer_of(content: bytes) -> Footer:
    return Footer.decode(content[footer_start(content) : -TAIL_BYTES])


def with_footer(content: bytes, footer: Footer, appended: bytes = b"") -> bytes:
    """The file with another footer, and further bytes before it."""
    return content[: footer_start(content)] + appended + encoded_footer(footer)


def encoded_footer(footer: Footer) -> bytes:
    """A footer as it stands at the end of a file, its length and magic included."""
    return encode_footer(
        footer.struct,
        schema=[element.struct.encode() for element in footer.schema],
        row_groups=[group.encode() for group in footer.row_groups],
        rows=footer.rows,
        key_values=footer.key_values,
        column_orders=footer.column_orders,
    )


def pages_of(content: bytes, chunk: ColumnChunk) -> list[Page]:
    """The pages of a column chunk."""
    pages, at = [], chunk.first_page
    while at < chunk.end:
        header, _, begin = Struct.decode_at(content, at)
        at = begin + (header.integer(PageHeader.COMPRESSED_PAGE_SIZE) or 0)
        pages.append(Page(header, content[begin:at]))
    return pages


def with_pages(content: bytes, row_group: int, leaf: int, pages: Sequence[Page]) -> bytes:
    """The file with other pages for a column chunk; they are put behind all others."""
    footer = footer_of(content)
    group = footer.row_groups[row_group]
    chunk = Struct.decode(group.chunks[leaf].raw)
    metadata = chunk.struct(ChunkFields.META_DATA) or Struct()
    at, encoded = footer_start(content), [page.encode() for page in pages]
    offsets: dict[int, thrift.Field | None] = {ColumnMetaData.DICTIONARY_PAGE_OFFSET: None}
    for page, raw in zip(pages, encoded, strict=True):
        if page.header.integer(PageHeader.TYPE) == PageType.DICTIONARY_PAGE:
            offsets[ColumnMetaData.DICTIONARY_PAGE_OFFSET] = thrift.i64(at)
        else:
            offsets.setdefault(ColumnMetaData.DATA_PAGE_OFFSET, thrift.i64(at))
        at += len(raw)
    size = thrift.i64(sum(map(len, encoded)))
    changed = metadata.replaced({**offsets, ColumnMetaData.TOTAL_COMPRESSED_SIZE: size})
    raw_chunk = chunk.replaced({ChunkFields.META_DATA: thrift.struct(changed)}).encode()
    return with_chunk(content, row_group, leaf, decode_chunk(raw_chunk, 0)[0], b"".join(encoded))


def with_chunk(content: bytes, row_group: int, leaf: int, chunk: ColumnChunk, appended: bytes = b"") -> bytes:
    """The file with another description of a column chunk."""
    footer = footer_of(content)
    groups = list(footer.row_groups)
    chunks = list(groups[row_group].chunks)
    chunks[leaf] = chunk
    groups[row_group] = replace(groups[row_group], chunks=tuple(chunks))
    return with_footer(content, replace(footer, row_groups=tuple(groups)), appended)


def leaf_number(content: bytes, name: str) -> int:
    (column,) = (column for column in footer_of(content).columns() if column.name == name)
    return column.leaves.start


def with_changed_page(content: bytes, name: str, number: int, change: Callable[[Page], Page]) -> bytes:
    """The file with a change to one page of a column in its first row group."""
    leaf = leaf_number(content, name)
    pages = pages_of(content, footer_of(content).row_groups[0].chunks[leaf])
    pages[number] = change(pages[number])
    return with_pages(content, 0, leaf, pages)
