"""Writing parts: batches are gathered into row groups of a good size, in one object or one every N rows."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from cbi.contract.parts import DateInterval, Part
from cbi.parquet.join import JoinedFile
from cbi.parquet.row_group_writer import RowGroupWriter

# BigQuery reads row groups of 16 MiB and more best; these are bytes in memory, about twice those in the file.
ROW_GROUP_BYTES = 24 << 20


class Sink(Protocol):
    """An object being written, which only `commit` makes."""

    name: str

    def write(self, data: Any, /) -> int: ...

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class IntervalWriter:
    """Writes the rows of a date interval into one part, or into one for every `batch_rows` rows."""

    def __init__(
        self,
        name: str,
        interval: DateInterval,
        open_part: "Callable[[str], PartWriter]",
        batch_rows: int | None,
    ) -> None:
        self._name = name
        self._interval = interval
        self._open_part = open_part
        self._batch_rows = batch_rows
        self._open: PartWriter | None = None
        self._finished: list[Part] = []

    def write(self, batch: pa.RecordBatch, dates: pa.Array | None) -> None:
        """Write the rows of a batch whose date is in the interval; without dates all of them."""
        if dates is not None and len(dates):
            inside = self._inside(dates)
            if not pc.all(inside).as_py():
                batch, dates = batch.filter(inside), dates.filter(inside)
        while len(batch):
            if self._open is None:
                number = len(self._finished)
                self._open = self._open_part(f"{self._name}.{number}" if number else self._name)
            room = len(batch) if self._batch_rows is None else self._batch_rows - self._open.rows
            self._open.write(batch.slice(0, room), None if dates is None else dates.slice(0, room))
            batch, dates = batch.slice(room), None if dates is None else dates.slice(room)
            if self._open.rows == self._batch_rows:
                self._finish_open()

    def _inside(self, dates: pa.Array) -> pa.BooleanArray:
        interval = self._interval
        return pc.and_(pc.greater_equal(dates, interval.first), pc.less_equal(dates, interval.last))

    def finish(self) -> Iterator[Part]:
        self._finish_open()
        yield from self._finished

    def _finish_open(self) -> None:
        if self._open is not None:
            self._finished.append(self._open.finish())
            self._open = None


class PartWriter:
    """Gathers batches into row groups of a good size and writes them to one object."""

    def __init__(self, sink: Sink, groups: RowGroupWriter, row_group_bytes: int, *, keep_types: bool) -> None:
        """`keep_types` stores the Arrow schema too, so that what is read back has the very same types."""
        self.rows = 0
        self._sink = sink
        self._file = JoinedFile(sink)
        self._groups = groups
        self._row_group_bytes = row_group_bytes
        self._keep_types = keep_types
        self._dates: set[date] = set()
        self._gathered: list[pa.RecordBatch] = []
        self._gathered_bytes = 0

    def write(self, batch: pa.RecordBatch, dates: pa.Array | None) -> None:
        if not len(batch):
            return
        if dates is not None:
            self._dates.update(pc.unique(dates).to_pylist())
        self.rows += len(batch)
        self._gathered.append(batch)
        self._gathered_bytes += batch.nbytes
        if self._gathered_bytes >= self._row_group_bytes:
            self._write_row_group()

    def finish(self) -> Part:
        self._write_row_group()
        self._groups.flush()
        self._file.finish()
        self._sink.commit()
        first, last = min(self._dates, default=None), max(self._dates, default=None)
        return Part(self._sink.name, self.rows, len(self._dates), first, last)

    def _write_row_group(self) -> None:
        if self._gathered:
            table = pa.Table.from_batches(self._gathered)
            self._groups.write(table, self._file, keep_types=self._keep_types)
            self._gathered.clear()
            self._gathered_bytes = 0
