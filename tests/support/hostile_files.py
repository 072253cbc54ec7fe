"""Small files that are much to decode, or end the process that decodes them; the worst are made by hand."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa

from cbi.parquet import thrift
from cbi.parquet.spec import FileMetaData, PageHeader
from support.parquet_pages import Page, footer_of, with_changed_page, with_footer
from support.tables import to_parquet

LAST = date(2026, 11, 20)


def _rows(count: int, last: date) -> pa.Table:
    """The required columns of the default feed, a row a day up to the last."""
    days = [last - timedelta(days=number) for number in reversed(range(count))]
    prices = {name: [float(number) for number in range(count)] for name in ("open", "high", "low", "close")}
    return pa.table({"symbol": ["ZL"] * count, "data_date": days, **prices, "volume": list(range(count))})


def one_long_string() -> bytes:
    """62 kB, of which the symbol has 1.9 GB."""
    table = _rows(1, LAST)
    content = to_parquet(table, compression="zstd", use_dictionary=False, write_statistics=False)
    size = 1_900_000_000
    levels = struct.pack("<I", 2) + b"\x02\x01"  # one run of one level

    def longer(page: Page) -> Page:
        body = _zstd(levels + struct.pack("<I", size), size)
        sizes = {
            PageHeader.UNCOMPRESSED_PAGE_SIZE: thrift.i32(len(levels) + 4 + size),
            PageHeader.COMPRESSED_PAGE_SIZE: thrift.i32(len(body)),
        }
        return Page(page.header.replaced(sizes), body)

    return with_changed_page(content, "symbol", 0, longer)


def _zstd(start: bytes, repeated: int) -> bytes:
    """A frame of some bytes and then one byte so many times, in blocks that say just that.

    https://github.com/facebook/zstd/blob/dev/doc/zstd_compression_format.md
    """
    block = 128 << 10
    magic, descriptor, window = b"\x28\xb5\x2f\xfd", b"\xc0", b"\x50"  # size in 8 bytes, window of 1 MiB
    frame = [magic, descriptor, window, struct.pack("<Q", len(start) + repeated)]
    frame.append((len(start) << 3).to_bytes(3, "little") + start)
    for at in range(0, repeated, block):
        size = min(block, repeated - at)
        last = at + size == repeated
        frame.append((size << 3 | 1 << 1 | last).to_bytes(3, "little") + b"x")
    return b"".join(frame)


def long_dictionary_entries() -> bytes:
    """A dictionary of one entry of ten megabytes, and 860 rows that have it; some are to be quarantined."""
    table = _rows(860, date(2024, 1, 1))
    codes = pa.array([0] * len(table), pa.int32())
    notes = pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 10_000_000]))
    return to_parquet(table.append_column("note", notes), compression="zstd", store_schema=False)


def many_equal_rows() -> bytes:
    """A row group of a million equal rows, which the footer has 150 times."""
    row = _rows(1, LAST)
    content = to_parquet(row.take(pa.array([0] * 1_000_000)), compression="zstd", row_group_size=1_000_000)
    footer = footer_of(content)
    rows = {FileMetaData.NUM_ROWS: thrift.i64(150_000_000)}
    groups = footer.row_groups * 150
    return with_footer(content, replace(footer, struct=footer.struct.replaced(rows), row_groups=groups))


def dictionary_shorter_than_its_codes() -> bytes:
    """Codes of entries that are not there, in a column that Arrow reads as codes, of rows for quarantine."""
    table = _rows(20, date(2023, 11, 15))
    codes = pa.array([number % 5 for number in range(20)], pa.int32())
    notes = pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b", "c", "d", "e"]))
    content = to_parquet(table.append_column("note", notes), compression="none")

    def shorter(page: Page) -> Page:
        described = page.header.struct(PageHeader.DICTIONARY_PAGE_HEADER)
        assert described is not None
        one = thrift.struct(described.replaced({_DICTIONARY_VALUES: thrift.i32(1)}))
        return Page(page.header.replaced({PageHeader.DICTIONARY_PAGE_HEADER: one}), page.body)

    return with_changed_page(content, "note", 0, shorter)


_DICTIONARY_VALUES = 1


def broken_text_dates() -> bytes:
    """A date in a text that is not UTF-8."""
    table = _rows(3, LAST)
    broken = pa.array([b"2026-11-18", b"2026-11-\xff9", b"2026-11-20"]).view(pa.string())
    return to_parquet(table.set_column(table.schema.get_field_index("data_date"), "data_date", broken))


HOSTILE: Mapping[str, Callable[[], bytes]] = {
    make.__name__: make
    for make in (
        one_long_string,
        long_dictionary_entries,
        many_equal_rows,
        dictionary_shorter_than_its_codes,
        broken_text_dates,
    )
}


def many_row_groups(count: int) -> bytes:
    """Rows that are each a row group of its own: no hostile file, but a badly written one."""
    table = _rows(1_000, LAST)
    tables = [
        table.set_column(0, "symbol", pa.array([f"SYM{number}"] * len(table)))
        for number in range(-(-count // len(table)))
    ]
    return to_parquet(pa.concat_tables(tables).slice(0, count), row_group_size=1)
