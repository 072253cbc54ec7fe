"""Rows without a regime are not loaded: they are written as they came, with the reason."""

from collections.abc import Callable, Iterable

import pyarrow as pa

from cbi.enrich.part_writer import ROW_GROUP_BYTES, PartWriter, Sink
from cbi.parquet.row_group_writer import RowGroupWriter

QUARANTINE = "skipped"
"""The name under which the object with these rows is opened."""

NO_REGIME = "no regime for this date"


def write_quarantine(batches: Iterable[pa.RecordBatch], open_sink: Callable[[str], Sink]) -> str:
    """Write rows without a regime as they came, and return the object's name."""
    with RowGroupWriter() as groups, open_sink(QUARANTINE) as sink:
        writer = PartWriter(sink, groups, ROW_GROUP_BYTES, keep_types=True)
        for batch in batches:
            writer.write(with_reason(batch), None)
        return writer.finish().name


def with_reason(batch: pa.RecordBatch) -> pa.RecordBatch:
    if "_reason" in batch.schema.names:
        batch = batch.drop_columns(["_reason"])
    return batch.append_column("_reason", pa.repeat(pa.scalar(NO_REGIME), len(batch)))
