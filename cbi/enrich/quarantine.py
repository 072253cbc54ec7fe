"""Rows that are left out of the load are written as they came, with the reasons of each."""

from collections.abc import Callable, Iterable

import pyarrow as pa

from cbi.enrich.part_writer import ROW_GROUP_BYTES, PartWriter, Sink
from cbi.parquet.row_group_writer import RowGroupWriter

QUARANTINE = "skipped"
"""The name under which the object with these rows is opened."""


def write_quarantine(batches: Iterable[pa.RecordBatch], open_sink: Callable[[str], Sink]) -> str:
    """Write rows that have their reasons already, and return the object's name."""
    with RowGroupWriter() as groups, open_sink(QUARANTINE) as sink:
        writer = PartWriter(sink, groups, ROW_GROUP_BYTES, keep_types=True)
        for batch in batches:
            writer.write(batch, None)
        return writer.finish().name
