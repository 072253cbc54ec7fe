"""The sure way to enrich a file: decode every row, nest it, and encode it again.

Rows stream through: a thread reads ahead, others encode row groups, and what is encoded is written meanwhile.
Memory is bounded by two record batches, the row groups being gathered, and one for each processor.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from cbi.contract.parts import DateInterval, Part
from cbi.enrich.nest import Nesting
from cbi.parquet.join import JoinedFile
from cbi.parquet.row_group_writer import RowGroupWriter
from cbi.parquet.source import ParquetSource

# BigQuery reads row groups of 16 MiB and more best; these are bytes in memory, about twice those in the file.
_ROW_GROUP_BYTES = 24 << 20

# Of thousands of columns a row group has more, so that each column chunk is worth its description.
_CHUNK_BYTES = 16 << 10

NO_REGIME = "no regime for this date"


class Sink(Protocol):
    """An object being written, which only `commit` makes."""

    name: str

    def write(self, data: Any, /) -> int: ...

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


@dataclass(frozen=True)
class Rewritten:
    """What a rewrite wrote: the parts in order, and the name of the object with the rows left out."""

    parts: tuple[Part, ...]
    skipped: str | None


def rewrite(
    source: ParquetSource,
    nesting: Nesting,
    date_intervals: Sequence[DateInterval],
    skips_rows: bool,
    open_sink: Callable[[str], Sink],
) -> Rewritten:
    """Write the rows of each interval as nested parquet, and rows without a regime as they came.

    `skips_rows` says whether there are rows without a regime: only then all columns are read, because the
    rows left out keep them all. Sinks are opened under the names `0`, `1`, … for the intervals,
    `0.1`, `0.2`, … for what exceeds the feed's `batch_rows`, and `skipped`.
    """
    row_group_bytes = max(_ROW_GROUP_BYTES, _CHUNK_BYTES * len(source.schema))
    with RowGroupWriter() as groups, ThreadPoolExecutor(1) as reader, ExitStack() as stack:

        def opened(name: str, *, keep_types: bool = False) -> _PartWriter:
            sink = stack.enter_context(open_sink(name))
            return _PartWriter(sink, groups, row_group_bytes, keep_types=keep_types)

        parts = [
            _IntervalWriter(str(number), opened, nesting.feed.batch_rows)
            for number in range(len(date_intervals))
        ]
        skipped = opened("skipped", keep_types=True) if skips_rows else None
        for batch in _read_ahead(source.batches(None if skips_rows else list(nesting.casts)), reader):
            rows = nesting.rows(batch)
            if skipped is not None:
                skipped.write(_with_reason(batch.filter(rows.regimes.is_null())), None)
                batch = batch.filter(rows.regimes.is_valid())
                rows = nesting.rows(batch)
            _write_to_parts(nesting.nest(batch, rows), rows.dates, date_intervals, parts)
        return Rewritten(
            parts=tuple(part for writer in parts for part in writer.finish()),
            skipped=skipped.finish().name if skipped is not None else None,
        )


def _read_ahead(batches: Iterator[pa.RecordBatch], reader: Executor) -> Iterator[pa.RecordBatch]:
    """The batches, each read by another thread while the one before is worked on."""
    following = reader.submit(next, batches, None)
    while (batch := following.result()) is not None:
        following = reader.submit(next, batches, None)
        yield batch


def _write_to_parts(
    nested: pa.RecordBatch,
    dates: pa.Array | None,
    date_intervals: Sequence[DateInterval],
    parts: "Sequence[_IntervalWriter]",
) -> None:
    for interval, part in zip(date_intervals, parts, strict=True):
        if len(date_intervals) == 1 or dates is None:
            part.write(nested, dates)
        else:
            inside = pc.and_(pc.greater_equal(dates, interval.first), pc.less_equal(dates, interval.last))
            part.write(nested.filter(inside), dates.filter(inside))


def write_skipped(batches: Iterable[pa.RecordBatch], open_sink: Callable[[str], Sink]) -> str:
    """Write rows without a regime as they came, and return the object's name."""
    with RowGroupWriter() as groups, open_sink("skipped") as sink:
        writer = _PartWriter(sink, groups, _ROW_GROUP_BYTES, keep_types=True)
        for batch in batches:
            writer.write(_with_reason(batch), None)
        return writer.finish().name


def _with_reason(batch: pa.RecordBatch) -> pa.RecordBatch:
    if "_reason" in batch.schema.names:
        batch = batch.drop_columns(["_reason"])
    return batch.append_column("_reason", pa.repeat(pa.scalar(NO_REGIME), len(batch)))


class _IntervalWriter:
    """Writes an interval's rows into one part, or into one for every `batch_rows` rows."""

    def __init__(self, name: str, open_part: "Callable[[str], _PartWriter]", batch_rows: int | None) -> None:
        self._name = name
        self._open_part = open_part
        self._batch_rows = batch_rows
        self._open: _PartWriter | None = None
        self._finished: list[Part] = []

    def write(self, batch: pa.RecordBatch, dates: pa.Array | None) -> None:
        while len(batch):
            if self._open is None:
                number = len(self._finished)
                self._open = self._open_part(f"{self._name}.{number}" if number else self._name)
            room = len(batch) if self._batch_rows is None else self._batch_rows - self._open.rows
            self._open.write(batch.slice(0, room), None if dates is None else dates.slice(0, room))
            batch, dates = batch.slice(room), None if dates is None else dates.slice(room)
            if self._open.rows == self._batch_rows:
                self._finish_open()

    def finish(self) -> Iterator[Part]:
        self._finish_open()
        yield from self._finished

    def _finish_open(self) -> None:
        if self._open is not None:
            self._finished.append(self._open.finish())
            self._open = None


class _PartWriter:
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
