"""Few requests fetch what is asked for, side by side, and just that can be read again."""

import threading

import pyarrow as pa
import pytest
from support.tables import small_table, to_parquet

from cbi.parquet.flat_file import FlatFile
from cbi.parquet.ranges import Range, RangeReader, SparseFile
from cbi.parquet.unsplicable import Unsplicable

MB = 1 << 20
CONTENT = bytes(range(256)) * 4 * 1024 * 40  # 40 MiB


class Object:
    """An object in memory that notes what is read of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.requests: list[tuple[int, int]] = []

    def read(self, start: int, length: int) -> bytes:
        self.requests.append((start, start + length))
        return self.content[start : start + length]


def fetched(*ranges: tuple[int, int]) -> list[tuple[int, int]]:
    object_ = Object(CONTENT)
    reader = RangeReader(object_.read, len(CONTENT))
    segments = reader.fetch([Range(*ends) for ends in ranges])
    for start, end in ranges:
        assert bytes(segments.slice(start, end)) == CONTENT[start:end]
    assert reader.requests == len(object_.requests)
    assert reader.bytes_read == sum(end - start for start, end in object_.requests)
    return sorted(object_.requests)


def test_neighbours_come_by_one_request() -> None:
    assert fetched((5, 10), (10, 20), (MB, MB + 9)) == [(5, MB + 9)]


def test_ranges_far_apart_come_by_one_request_each() -> None:
    assert fetched((9 * MB, 9 * MB + 1), (0, 7)) == [(0, 7), (9 * MB, 9 * MB + 1)]


def test_a_long_range_comes_in_pieces() -> None:
    assert fetched((1, 5 * MB)) == [(1, 2 * MB + 1), (2 * MB + 1, 4 * MB + 1), (4 * MB + 1, 5 * MB)]


def test_ranges_within_others_are_not_fetched_twice() -> None:
    assert fetched((0, 100), (10, 20), (50, 150)) == [(0, 150)]


def test_requests_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)

    def read(start: int, length: int) -> bytes:
        both.wait()
        return CONTENT[start : start + length]

    RangeReader(read, len(CONTENT)).fetch([Range(0, 1), Range(20 * MB, 20 * MB + 1)])


def test_what_was_not_fetched_cannot_be_read() -> None:
    segments = RangeReader(Object(CONTENT).read, len(CONTENT)).fetch(
        [Range(0, 10), Range(5 * MB, 5 * MB + 10)]
    )
    file = SparseFile(segments, len(CONTENT))
    file.seek(5 * MB + 2)
    assert bytes(file.read(3)) == CONTENT[5 * MB + 2 : 5 * MB + 5]
    file.seek(8)
    with pytest.raises(EOFError):
        file.read(5)


def test_a_small_file_comes_by_one_request() -> None:
    object_ = Object(to_parquet(small_table(100), row_group_size=7))
    file = FlatFile(object_.read, len(object_.content))
    assert pa.Table.from_batches(file.batches()).equals(small_table(100))
    assert object_.requests == [(0, len(object_.content))]


def large_file(columns: int) -> Object:
    noise = pa.array(range(700_000), pa.int64())
    table = pa.table({"noise": noise, **{f"column_{n}": pa.nulls(len(noise)) for n in range(columns)}})
    return Object(to_parquet(table, compression="none", use_dictionary=False, row_group_size=100_000))


def test_a_footer_that_fits_comes_by_one_request() -> None:
    object_ = large_file(2)
    size = len(object_.content)
    assert FlatFile(object_.read, size).rows == 700_000
    assert object_.requests == [(size - 65536, size)]


def test_a_larger_footer_comes_by_two_requests() -> None:
    object_ = large_file(300)
    size = len(object_.content)
    assert FlatFile(object_.read, size).rows == 700_000
    first, second = object_.requests
    assert (first, second[1]) == ((size - 65536, size), size - 65536)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PAR1",
        b"PAR1PAR1",
        b"x" * 100,
        b"PAR1" + bytes(50) + b"\xff\xff\xff\x7fPAR1",
        b"PAR1" + bytes(60) + b"PAR1",
    ],
    ids=["empty", "magic", "no footer", "text", "long footer", "empty footer"],
)
def test_what_has_no_sound_footer_is_refused(content: bytes) -> None:
    with pytest.raises(Unsplicable):
        FlatFile(Object(content).read, len(content))
