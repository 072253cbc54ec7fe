"""The sure strategy to enrich a file: decode every row, nest it, and encode it again.

Rows stream through: a thread reads ahead, others encode row groups, and what is encoded is written meanwhile.
Memory is bounded by two record batches, the row groups being gathered, and one for each processor.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pyarrow as pa

from cbi.contract.parts import DateInterval, Part
from cbi.contract.quarantine import Quarantine
from cbi.enrich.nest import Nesting
from cbi.enrich.part_writer import ROW_GROUP_BYTES, IntervalWriter, PartWriter, Sink
from cbi.enrich.quarantine import QUARANTINE
from cbi.parquet.row_group_writer import RowGroupWriter
from cbi.parquet.source import ParquetSource

# Of thousands of columns a row group has more, so that each column chunk is worth its description.
_CHUNK_BYTES = 16 << 10


@dataclass(frozen=True)
class Rewritten:
    """What a rewrite wrote: the parts in order, and the name of the object with the rows left out."""

    parts: tuple[Part, ...]
    quarantine_object: str | None


def rewrite(
    source: ParquetSource,
    nesting: Nesting,
    date_intervals: Sequence[DateInterval],
    quarantine: Quarantine | None,
    open_sink: Callable[[str], Sink],
) -> Rewritten:
    """Write the rows of each interval as nested parquet, and the rows in quarantine as they came.

    Only with a quarantine all columns are read, because the rows left out keep them all. Sinks are opened
    under the names `0`, `1`, … for the intervals, `0.1`, `0.2`, … for what exceeds the feed's `batch_rows`,
    and `skipped`.
    """
    row_group_bytes = max(ROW_GROUP_BYTES, _CHUNK_BYTES * len(source.schema))
    with RowGroupWriter() as groups, ThreadPoolExecutor(1) as reader, ExitStack() as stack:

        def opened(name: str, *, keep_types: bool = False) -> PartWriter:
            sink = stack.enter_context(open_sink(name))
            return PartWriter(sink, groups, row_group_bytes, keep_types=keep_types)

        parts = [
            IntervalWriter(str(number), interval, opened, nesting.feed.batch_rows)
            for number, interval in enumerate(date_intervals)
        ]
        left_out = None if quarantine is None else opened(QUARANTINE, keep_types=True)
        at = 0
        for batch in _read_ahead(source.batches(None if left_out else nesting.columns), reader):
            if quarantine is not None and left_out is not None:
                of_batch = quarantine.slice(at, len(batch))
                at += len(batch)
                left_out.write(of_batch.of(nesting.as_quarantined(batch)), None)
                batch = batch.filter(of_batch.loaded)
            rows = nesting.rows(batch)
            nested = nesting.nest(batch, rows)
            for part in parts:
                part.write(nested, rows.dates)
        return Rewritten(
            parts=tuple(part for writer in parts for part in writer.finish()),
            quarantine_object=None if left_out is None else left_out.finish().name,
        )


def _read_ahead(batches: Iterator[pa.RecordBatch], reader: Executor) -> Iterator[pa.RecordBatch]:
    """The batches, each read by another thread while the one before is worked on."""
    following = reader.submit(next, batches, None)
    while (batch := following.result()) is not None:
        following = reader.submit(next, batches, None)
        yield batch
