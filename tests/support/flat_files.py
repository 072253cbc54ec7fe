"""Staged files as any writer might write them: types, encodings, codecs, pages and row groups at random."""

import io
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from support.tables import days

Column = tuple[st.SearchStrategy[Any], pa.DataType]

_TEXT = st.sampled_from(["", "ZL", "ŻŁ-naïve", "x" * 40, "夏"])
_BYTES = st.sampled_from([b"", b"\xff\x00", b"ZL" * 20])
_MIDDAYS = st.datetimes(datetime(1970, 1, 1), datetime(2030, 1, 1)).map(lambda time: time.replace(hour=12))
_FLOATS = st.floats() | st.sampled_from([float("nan"), float("inf"), -0.0])

COLUMNS: dict[str, list[Column]] = {
    "seen_at": [
        (st.datetimes(), pa.timestamp("us")),
        (st.datetimes(), pa.timestamp("us", "America/New_York")),
        (st.integers(0, 2**40), pa.timestamp("ms")),
        (st.integers(0, 2**33), pa.timestamp("s", "UTC")),
        (st.integers(0, 2**62), pa.timestamp("ns")),
        (st.sampled_from(["2024-01-02T03:04:05.678901+02:00", "2024-01-02"]), pa.string()),
    ],
    "price": [
        (_FLOATS, pa.float64()),
        (st.floats(allow_nan=False), pa.float64()),
        (st.sampled_from([0.5, float("nan"), 2.0**127]), pa.float32()),
        (st.sampled_from([0.5, -2.0, float("nan")]), pa.float16()),
        (st.integers(-99, 99), pa.int16()),
        (st.integers(0, 2**52), pa.int64()),
    ],
    "weight": [(st.floats(allow_nan=False), pa.float64()), (st.sampled_from([0.5, 2.0**127]), pa.float32())],
    "count": [
        (st.integers(-(2**63), 2**63 - 1), pa.int64()),
        (st.integers(0, 2**63 - 1), pa.uint64()),
        (st.integers(0, 2**32 - 1), pa.uint32()),
        (st.integers(-128, 127), pa.int8()),
        (st.integers(0, 99) | st.just(float("nan")), pa.float64()),
    ],
    "ist_alt_é": [(st.booleans(), pa.bool_()), (st.integers(0, 1), pa.uint8())],
    "note": [
        (_TEXT, pa.string()),
        (_TEXT, pa.large_string()),
        (_TEXT, pa.dictionary(pa.int32(), pa.string())),
        (st.sampled_from([b"", b"ZL"]), pa.binary()),
        (st.just(b"four"), pa.binary(4)),
        (st.none(), pa.null()),
    ],
    "blob": [(_BYTES, pa.binary()), (_TEXT, pa.string()), (st.just(b"xyz"), pa.binary(3))],
    "settled": [(st.dates(), pa.date32()), (st.dates(), pa.date64()), (st.just("2024-05-06"), pa.string())],
    "book": [
        (
            st.fixed_dictionaries({"best": st.none() | st.fixed_dictionaries({"bid": st.none() | _FLOATS})}),
            pa.struct({"best": pa.struct({"bid": pa.float64()})}),
        ),
        (
            st.fixed_dictionaries({"best": st.fixed_dictionaries({"bid": st.integers(0, 9)})}),
            pa.struct({"best": pa.struct({"bid": pa.int16(), "ask": pa.int16()})}),
        ),
    ],
    "traded": [
        (st.sampled_from([20240102, 19991231]), pa.int32()),
        (st.sampled_from([20240102.0, float("nan")]), pa.float64()),
        (st.just("20240102"), pa.string()),
        (st.dates(), pa.date32()),
    ],
    "closed": [
        (_MIDDAYS, pa.timestamp("us", "UTC")),
        (_MIDDAYS, pa.timestamp("ms")),
        (st.just("2024-01-02T23:00:00-09:00"), pa.string()),
    ],
    "opened": [
        (_MIDDAYS, pa.timestamp("us")),
        (_MIDDAYS, pa.timestamp("us", "UTC")),
        (st.sampled_from(["2024-01-02T09:30:00", "2024-01-02T14:30:00Z"]), pa.string()),
    ],
    "unknown": [
        (st.lists(st.integers(0, 9), max_size=3), pa.list_(pa.int64())),
        (st.fixed_dictionaries({"a": st.integers(0, 9)}), pa.struct({"a": pa.int8()})),
        (_TEXT, pa.string()),
    ],
}
"""What a column of the contract in `splicing` may be staged as: its values and its type."""

_ENCODINGS = {
    "BYTE_ARRAY": ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
    "NUMBER": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
    "FLOAT": ["PLAIN", "BYTE_STREAM_SPLIT"],
}


@st.composite
def flat_tables(draw: st.DrawFn, rows: int) -> pa.Table:
    """Tables of the contract's columns in any order, some of them missing, some without room for NULLs."""
    symbols = draw(st.lists(_TEXT, min_size=rows, max_size=rows))
    # Of seventy days the last ten have no regime.
    known = days(draw(st.sampled_from([20, 60, 60, 70])))
    dates = draw(st.lists(st.sampled_from(known), min_size=rows, max_size=rows))
    columns = {"symbol": pa.array(symbols), "day": pa.array(sorted(dates) if draw(st.booleans()) else dates)}
    for name, kinds in COLUMNS.items():
        values, kind = draw(st.sampled_from(kinds))
        if name == "weight":
            columns[name] = pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind)
        elif draw(st.integers(0, 3)):
            nulls = st.none() if draw(st.booleans()) else st.nothing()
            drawn = draw(st.lists(nulls | values, min_size=rows, max_size=rows))
            columns[name] = pa.array(drawn, kind)
    required = draw(st.booleans())
    fields = [
        pa.field(
            name, column.type, nullable=not required or bool(column.null_count) or column.type == pa.null()
        )
        for name, column in columns.items()
    ]
    table = pa.table(list(columns.values()), schema=pa.schema(fields))
    if draw(st.booleans()):
        table = table.rename_columns(
            [name.upper() if name == "note" else name for name in table.column_names]
        )
    return table.select(draw(st.permutations(table.column_names)))


@st.composite
def flat_files(draw: st.DrawFn) -> bytes:
    """Such tables, written in one of the many ways that parquet knows."""
    sizes = draw(st.lists(st.integers(0, 12), max_size=4))
    sizes.insert(draw(st.integers(0, len(sizes))), draw(st.integers(1, 12)))
    table = draw(flat_tables(sum(sizes)))
    options = draw(writer_options(table.schema))
    content = io.BytesIO()
    with pq.ParquetWriter(content, table.schema, **options) as writer:
        start = 0
        for size in sizes:
            writer.write_table(table.slice(start, size))
            start += size
    return content.getvalue()


@st.composite
def writer_options(draw: st.DrawFn, schema: pa.Schema) -> dict[str, Any]:
    """Options of pyarrow's writer that change how values are stored, but not which."""
    nanoseconds = pa.timestamp("ns") in schema.types
    options: dict[str, Any] = {
        "compression": draw(st.sampled_from(["none", "snappy", "zstd", "gzip", "lz4"])),
        "data_page_version": draw(st.sampled_from(["1.0", "2.0"])),
        "version": "2.6" if nanoseconds else draw(st.sampled_from(["1.0", "2.4", "2.6"])),
        "data_page_size": draw(st.sampled_from([8, 1 << 20])),
        "write_batch_size": draw(st.sampled_from([2, 1024])),
        "store_schema": draw(st.booleans()),
        "write_statistics": draw(st.booleans()),
        "write_page_index": draw(st.booleans()),
        "write_page_checksum": draw(st.booleans()),
        "use_deprecated_int96_timestamps": draw(st.booleans()),
        "use_dictionary": draw(st.booleans()),
    }
    if draw(st.booleans()):
        options["bloom_filter_options"] = {"symbol": {"ndv": 10, "fpp": 0.05}}
    if draw(st.booleans()):
        options["sorting_columns"] = [pq.SortingColumn(schema.get_field_index("symbol"))]
    if not options["use_dictionary"]:
        encodings = {field.name: _encodings_of(field.type) for field in schema}
        options["column_encoding"] = {
            name: draw(st.sampled_from(_ENCODINGS[kind])) for name, kind in encodings.items() if kind
        }
    return options


def _encodings_of(kind: pa.DataType) -> str | None:
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind):
        return "BYTE_ARRAY"
    if types.is_float32(kind) or types.is_float64(kind):
        return "FLOAT"
    return "NUMBER" if types.is_integer(kind) or types.is_date32(kind) else None
