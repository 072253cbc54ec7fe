"""The columns of a file that its contract does not have, as one JSON object a row."""

import msgspec
import pyarrow as pa
from pyarrow import types

from cbi.enrichments.enrichment import Basis, Enrichment, Rows

_encoder = msgspec.json.Encoder()


def _values(rows: Rows) -> pa.Array:
    """NULL in a file that has no others. Raises UnicodeDecodeError for text that is not UTF-8."""
    unknown = rows.unknown
    if unknown is None or not unknown.num_columns:
        return pa.nulls(rows.count, pa.string())
    columns = [_without_nanoseconds(column) for column in unknown.columns]
    objects = pa.RecordBatch.from_arrays(columns, unknown.schema.names).to_pylist()
    lines = _encoder.encode_lines(objects).split(b"\n")
    return pa.array(lines[: rows.count], pa.binary()).cast(pa.string())


def _without_nanoseconds(column: pa.Array) -> pa.Array:
    """The same values, times in microseconds, which is as fine as Python's are."""
    return column.cast(_in_microseconds(column.type), safe=False)


def _in_microseconds(kind: pa.DataType) -> pa.DataType:
    if types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if types.is_time64(kind):
        return pa.time64("us")
    if types.is_duration(kind):
        return pa.duration("us")
    if types.is_list(kind) or types.is_large_list(kind):
        return pa.list_(_in_microseconds(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([field.with_type(_in_microseconds(field.type)) for field in kind])
    return kind


UNKNOWN_COLUMNS = Enrichment("unknown_columns", "STRING", Basis.UNKNOWN_COLUMNS, _values)
