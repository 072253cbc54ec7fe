"""The sure way to enrich a file: decode every row, nest it, and encode it again.

Rows stream through, so memory is bounded by a record batch and the row groups being gathered.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cbi.enrich.nest import Nesting
from cbi.enrich.parts import DateSpan, Part
from cbi.enrich.source import ParquetSource

# BigQuery reads row groups of 16 MiB and more best; these are bytes in memory, a few times those in the file.
_ROW_GROUP_BYTES = 32 << 20

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
    spans: Sequence[DateSpan],
    skips_rows: bool,
    open_sink: Callable[[str], Sink],
) -> Rewritten:
    """Write each span's rows as nested parquet, and rows without a regime as they came.

    `skips_rows` says whether there are rows without a regime: only then all columns are read, because the
    rows left out keep them all. Sinks are opened under the names `0`, `1`, … for the spans, `0.1`, `0.2`, …
    for what exceeds the feed's `batch_rows`, and `skipped`.
    """
    with ExitStack() as stack:

        def opened(name: str) -> Sink:
            return stack.enter_context(open_sink(name))

        parts = [_SpanWriter(str(number), opened, nesting.feed.batch_rows) for number in range(len(spans))]
        skipped = _PartWriter(opened("skipped"), keep_types=True) if skips_rows else None
        for batch in source.batches(None if skips_rows else list(nesting.casts)):
            regimes = nesting.regimes(batch)
            if skipped is not None:
                without = batch.filter(regimes.is_null())
                skipped.write(_with_reason(without), None)
                batch, regimes = batch.filter(regimes.is_valid()), regimes.drop_null()
            _write_spans(nesting, spans, parts, batch, regimes)
        return Rewritten(
            parts=tuple(part for writer in parts for part in writer.finish()),
            skipped=skipped.finish().name if skipped is not None else None,
        )


def _write_spans(
    nesting: Nesting,
    spans: Sequence[DateSpan],
    parts: "Sequence[_SpanWriter]",
    batch: pa.RecordBatch,
    regimes: pa.Array,
) -> None:
    column = nesting.feed.date_column
    nested = nesting.nest(batch, regimes)
    dates = None if column is None else nesting.dates(batch, column)
    for span, part in zip(spans, parts, strict=True):
        if len(spans) == 1 or dates is None:
            part.write(nested, dates)
        else:
            inside = pc.and_(pc.greater_equal(dates, span.first), pc.less_equal(dates, span.last))
            part.write(nested.filter(inside), dates.filter(inside))


def write_skipped(batches: Iterable[pa.RecordBatch], open_sink: Callable[[str], Sink]) -> str:
    """Write rows without a regime as they came, and give the object's name."""
    with open_sink("skipped") as sink:
        writer = _PartWriter(sink, keep_types=True)
        for batch in batches:
            writer.write(_with_reason(batch), None)
        return writer.finish().name


def _with_reason(batch: pa.RecordBatch) -> pa.RecordBatch:
    if "_reason" in batch.schema.names:
        batch = batch.drop_columns(["_reason"])
    return batch.append_column("_reason", pa.repeat(pa.scalar(NO_REGIME), len(batch)))


class _SpanWriter:
    """Writes a span's rows into one part, or into one for every `batch_rows` rows."""

    def __init__(self, name: str, open_sink: Callable[[str], Sink], batch_rows: int | None) -> None:
        self._name = name
        self._open_sink = open_sink
        self._batch_rows = batch_rows
        self._open: _PartWriter | None = None
        self._finished: list[Part] = []

    def write(self, batch: pa.RecordBatch, dates: pa.Array | None) -> None:
        while len(batch):
            if self._open is None:
                number = len(self._finished)
                self._open = _PartWriter(self._open_sink(f"{self._name}.{number}" if number else self._name))
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

    def __init__(self, sink: Sink, *, keep_types: bool = False) -> None:
        """`keep_types` stores the Arrow schema too, so that what is read back has the very same types."""
        self.rows = 0
        self._sink = sink
        self._keep_types = keep_types
        self._dates: set[date] = set()
        self._gathered: list[pa.RecordBatch] = []
        self._gathered_bytes = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch, dates: pa.Array | None) -> None:
        if not len(batch):
            return
        if dates is not None:
            self._dates.update(pc.unique(dates).to_pylist())
        self.rows += len(batch)
        self._gathered.append(batch)
        self._gathered_bytes += batch.nbytes
        if self._gathered_bytes >= _ROW_GROUP_BYTES:
            self._write_row_group()

    def finish(self) -> Part:
        self._write_row_group()
        if self._writer is not None:
            self._writer.close()
        self._sink.commit()
        first, last = min(self._dates, default=None), max(self._dates, default=None)
        return Part(self._sink.name, self.rows, len(self._dates), first, last)

    def _write_row_group(self) -> None:
        if not self._gathered:
            return
        table = pa.Table.from_batches(self._gathered)
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._sink,
                table.schema,
                compression="zstd",
                compression_level=1,
                store_schema=self._keep_types,
            )
        self._writer.write_table(table, row_group_size=len(table))
        self._gathered.clear()
        self._gathered_bytes = 0
