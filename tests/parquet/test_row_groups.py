"""Row groups are encoded side by side, but written in order, by one thread, and no thread is left behind."""

import io
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cbi.parquet.join import JoinedFile
from cbi.parquet.row_group_writer import RowGroupWriter


class Sink(io.BytesIO):
    """Remembers which threads wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.writers: set[threading.Thread] = set()

    def write(self, data: object, /) -> int:
        self.writers.add(threading.current_thread())
        return super().write(data)  # type: ignore[arg-type]


def numbers(first: int, count: int) -> pa.Table:
    return pa.table({"number": pa.array(range(first, first + count))})


def test_row_groups_of_several_files_are_written_in_order_by_the_calling_thread() -> None:
    sinks = [Sink(), Sink()]
    with RowGroupWriter() as groups:
        files = [JoinedFile(sink) for sink in sinks]
        for number in range(40):
            # Every third row group is large, so that those behind it are encoded before it.
            size = 1 if number % 3 else 200_000
            groups.write(numbers(number, size), files[number % 2], keep_types=False)
        groups.flush()
        for file in files:
            file.finish()
    for place, sink in enumerate(sinks):
        found = pq.ParquetFile(io.BytesIO(sink.getvalue()))
        firsts = [found.read_row_group(n)["number"][0].as_py() for n in range(found.num_row_groups)]
        assert firsts == list(range(place, 40, 2))
        assert sink.writers == {threading.current_thread()}


def test_what_cannot_be_encoded_is_raised_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    # There is no way to write a union as parquet.
    union = pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])])
    with RowGroupWriter() as groups:
        groups.write(pa.table({"union": union}), JoinedFile(Sink()), keep_types=False)
        with pytest.raises(pa.ArrowNotImplementedError):
            groups.flush()
    assert set(threading.enumerate()) <= before
