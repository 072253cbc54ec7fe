"""A parquet file is read in bounded batches, or refused as unreadable."""

import os
import subprocess
import sys
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from support.tables import broken_parquet, open_source, small_table, to_parquet

from cbi.errors import InvalidFile, Reason
from cbi.parquet.source import ParquetSource
from cbi.settings import Settings

GOOD = to_parquet(small_table(100))


def read(content: pa.Table | bytes, columns: list[str] | None = None, **options: Any) -> pa.Table:
    source = open_source(content, **options)
    return pa.Table.from_batches(source.batches(columns), None if columns else source.schema)


def refused(content: bytes) -> str:
    with pytest.raises(InvalidFile) as raised:
        read(content)
    assert raised.value.reason == Reason.UNREADABLE_FILE
    return str(raised.value)


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_every_codec_and_page_version_is_read(compression: str, version: str) -> None:
    table = small_table(1000)
    options: dict[str, Any] = {
        "compression": compression,
        "data_page_version": version,
        "row_group_size": 300,
    }
    assert read(table, **options).equals(table)


def test_the_file_tells_its_rows_and_writer() -> None:
    source = open_source(GOOD)
    assert source.rows == 100
    assert source.created_by is not None
    assert source.created_by.startswith("parquet-cpp-arrow")


def test_a_file_can_be_read_again_from_its_beginning() -> None:
    source = open_source(small_table(100), row_group_size=30)
    assert list(source.batches()) == list(source.batches())


def test_only_the_columns_asked_for_are_read() -> None:
    assert read(GOOD, ["day"]).column_names == ["day"]


def test_a_batch_of_wide_rows_has_fewer_of_them() -> None:
    wide = small_table(20, text=["x" * (4 << 20)] * 20)
    source = open_source(wide, use_dictionary=False)
    assert max(batch.nbytes for batch in source.batches()) <= 40 << 20


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PAR1",
        b"PAR1PAR1",
        b"symbol,data_date\nZL,2024-01-01\n" * 10,
        GOOD[:-1],
        GOOD[: len(GOOD) // 2],
        GOOD[4:-8],
        GOOD[:-4] + b"PARE",
        GOOD[:-8] + b"\xff\xff\xff\x7f" + b"PAR1",
        GOOD[:-8] + b"\x00\x00\x00\x00" + b"PAR1",
        GOOD[:-60] + b"\x00" * 52 + GOOD[-8:],
        GOOD.replace(b"symbol", b"symb\xf6l"),
    ],
    ids=[
        "empty",
        "just a magic number",
        "no footer",
        "csv",
        "a byte short",
        "half",
        "no magic number",
        "encrypted footer",
        "footer longer than the file",
        "footer of no length",
        "footer overwritten",
        "column name in latin-1",
    ],
)
def test_what_is_no_sound_parquet_is_unreadable(content: bytes) -> None:
    assert "drop it again" in refused(content)


@pytest.mark.parametrize("length", range(0, len(GOOD), 50))
def test_a_file_cut_short_anywhere_is_unreadable(length: int) -> None:
    refused(GOOD[:length])


def test_no_flipped_bit_of_a_footer_ends_the_process() -> None:
    command = [sys.executable, "-c", FLIP_EVERY_BYTE]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


FLIP_EVERY_BYTE = """
from contextlib import suppress
from support.tables import to_parquet
from support.tables import open_source, small_table
from cbi.errors import InvalidFile

sound = to_parquet(small_table(3))
footer = len(sound) - 8 - int.from_bytes(sound[-8:-4], "little")
for position in range(footer, len(sound)):
    content = bytearray(sound)
    content[position] ^= 1
    with suppress(InvalidFile):
        list(open_source(bytes(content)).batches())
"""


def test_a_page_that_fails_its_checksum_is_unreadable() -> None:
    assert "CRC" in refused(broken_parquet(small_table(100)))


def test_int96_times_are_read_far_beyond_what_nanoseconds_hold() -> None:
    times = [datetime(1500, 1, 1), datetime(2024, 1, 2, 3, 4, 5, 678_901), datetime(9000, 1, 1), None]
    table = small_table(4, seen_at=pa.array(times, pa.timestamp("us")))
    source = open_source(table, use_deprecated_int96_timestamps=True, store_schema=False)
    assert source.schema.field("seen_at").type == pa.timestamp("us")
    assert pa.Table.from_batches(source.batches())["seen_at"].to_pylist() == times


@pytest.mark.parametrize(
    "limit",
    [
        {"max_columns": 2},
        {"max_rows": 99},
        {"max_row_groups": 9},
        {"max_footer_bytes": 100},
        {"max_uncompressed_bytes": 100},
    ],
    ids=str,
)
def test_a_file_that_declares_more_than_a_limit_is_too_large(limit: dict[str, int]) -> None:
    content = pa.BufferReader(to_parquet(small_table(100), row_group_size=10))
    with pytest.raises(InvalidFile, match=next(iter(limit)).upper()) as raised:
        ParquetSource(content, Settings(**limit))  # type: ignore[arg-type]
    assert raised.value.reason == Reason.TOO_LARGE
