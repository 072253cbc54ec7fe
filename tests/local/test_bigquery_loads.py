"""A load puts every row of its files into the right columns, or nothing at all."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from google.cloud import bigquery

CreateTable = Callable[..., bigquery.Table]
Load = Callable[..., bigquery.LoadJob]
LoadedRows = Callable[..., int]
Rows = Callable[[bigquery.Table], list[dict[str, Any]]]
Stage = Callable[..., str]
Field = bigquery.SchemaField

NOON = dt.datetime(2024, 1, 2, 12, tzinfo=dt.UTC)
SCHEMA = [
    Field("symbol", "STRING", mode="REQUIRED"),
    Field("day", "DATE"),
    Field("price", "FLOAT64"),
    Field("pivots", "RECORD", fields=[Field("P", "FLOAT64"), Field("R1", "FLOAT64"), Field("hits", "INT64")]),
]
ROW = {"symbol": "ZL", "day": dt.date(2024, 1, 2), "price": 1.5, "pivots": {"P": 1.0, "R1": 2.0, "hits": 3}}


@pytest.fixture
def table(create_table: CreateTable) -> bigquery.Table:
    return create_table(SCHEMA)


def columns(**changes: Any) -> dict[str, Any]:
    """The one row as columns, with some changed; None leaves a column out."""
    changed = {**{name: pa.array([value]) for name, value in ROW.items()}, **changes}
    return {name: column for name, column in changed.items() if column is not None}


def test_columns_and_struct_leaves_are_matched_by_name(
    table: bigquery.Table, stage: Stage, load: Load, rows: Rows
) -> None:
    shuffled = {
        "pivots": pa.array([{"hits": 3, "R1": 2.0, "P": 1.0}]),
        "price": [1.5],
        "day": [dt.date(2024, 1, 2)],
        "symbol": ["ZL"],
    }
    load(stage(shuffled), table).result()
    assert rows(table) == [ROW]


def test_names_are_case_insensitive(table: bigquery.Table, stage: Stage, load: Load, rows: Rows) -> None:
    shouted = {"SYMBOL": ["ZL"], "Pivots": pa.array([{"p": 1.0, "r1": 2.0, "HITS": 3}])}
    load(stage(shouted), table).result()
    assert rows(table) == [{**ROW, "day": None, "price": None}]


def test_missing_nullable_columns_and_leaves_are_null(
    table: bigquery.Table, stage: Stage, load: Load, rows: Rows
) -> None:
    load(stage({"symbol": ["ZL"], "pivots": pa.array([{"P": 1.0}])}), table).result()
    assert rows(table) == [
        {"symbol": "ZL", "day": None, "price": None, "pivots": {"P": 1.0, "R1": None, "hits": None}}
    ]


def test_extra_columns_are_an_error_unless_ignored(
    table: bigquery.Table, stage: Stage, load: Load, rows: Rows
) -> None:
    nested = pa.array([{"P": 1.0, "R1": 2.0, "hits": 3, "extra": 1}])
    for extra in (columns(extra=[1]), columns(pivots=nested)):
        assert "No such field" in load(stage(extra), table).error_result["message"]
        load(stage(extra), table, ignore_unknown_values=True).result()
    assert rows(table) == [ROW, ROW]


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": pa.array([1])},
        {"price": pa.array(["1.5"])},
        {"price": pa.nulls(1)},
        {"price": pa.array([1.5], pa.float16())},
        {"price": pa.array([Decimal("1.5")])},
        {"day": pa.array(["2024-01-02"])},
        {"day": pa.array([NOON], pa.timestamp("us", "UTC"))},
        {"symbol": pa.array([1])},
        {"symbol": pa.array([b"ZL"])},
        {"pivots": pa.array([1.0])},
        {"pivots": pa.array([{"P": 1}])},
        {"pivots": pa.array([{"hits": 3.0}])},
        {"pivots": pa.array([{"hits": 3}], pa.struct({"hits": pa.uint64()}))},
        {"pivots": pa.array([{"P": "high"}])},
    ],
    ids=lambda columns: ", ".join(f"{name}: {values.type}" for name, values in columns.items()),
)
def test_other_types_are_refused_at_any_depth(
    table: bigquery.Table, stage: Stage, load: Load, rows: Rows, wrong: dict[str, pa.Array]
) -> None:
    error = load(stage(columns(**wrong)), table).error_result
    assert error["reason"] == "invalid"
    assert "does not match the target type" in error["message"]
    assert rows(table) == []


@pytest.mark.parametrize(
    ("column", "type_", "read"),
    [
        (pa.array([7], pa.int32()), "INT64", 7),
        (pa.array([7], pa.uint8()), "INT64", 7),
        (pa.nulls(1), "INT64", None),
        (pa.array([1.5], pa.float32()), "FLOAT64", 1.5),
        (pa.array([NOON], pa.timestamp("ms", "UTC")), "TIMESTAMP", NOON),
        (pa.array([NOON], pa.timestamp("us", "UTC")), "TIMESTAMP", NOON),
        (pa.array([NOON.replace(tzinfo=None)], pa.timestamp("us")), "DATETIME", NOON.replace(tzinfo=None)),
        (pa.array([Decimal("1.25")]), "NUMERIC", Decimal("1.25")),
        (pa.array([b"ZL"]), "BYTES", b"ZL"),
        (pa.array([True]), "BOOL", True),
    ],
    ids=str,
)
def test_types_that_fit_are_read(
    create_table: CreateTable,
    stage: Stage,
    load: Load,
    rows: Rows,
    column: pa.Array,
    type_: str,
    read: object,
) -> None:
    table = create_table([Field("value", type_)])
    load(stage({"value": column}), table).result()
    assert rows(table) == [{"value": read}]


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_nanoseconds_are_refused(
    create_table: CreateTable, stage: Stage, load: Load, zone: str | None
) -> None:
    table = create_table([Field("at", "TIMESTAMP")])
    nanoseconds = pa.array([1], pa.timestamp("ns", zone))
    assert "nanoseconds" in load(stage({"at": nanoseconds}), table).error_result["message"]


def test_lists_need_list_inference(create_table: CreateTable, stage: Stage, load: Load, rows: Rows) -> None:
    table = create_table([Field("levels", "FLOAT64", mode="REPEATED")])
    uri = stage({"levels": pa.array([[1.0, 2.0]])})
    assert load(uri, table).error_result["reason"] == "invalid"
    options = bigquery.ParquetOptions()
    options.enable_list_inference = True
    load(uri, table, parquet_options=options).result()
    assert rows(table) == [{"levels": [1.0, 2.0]}]


def test_null_in_a_required_column_is_refused(
    table: bigquery.Table, stage: Stage, load: Load, rows: Rows
) -> None:
    error = load(stage({"symbol": pa.array(["ZL", None])}), table).error_result
    assert error["message"] == "Required field symbol cannot be null"
    assert load(stage({"price": [1.5]}), table).error_result["reason"] == "invalid"
    assert rows(table) == []


def test_null_in_a_nested_required_field_is_refused(
    create_table: CreateTable, stage: Stage, load: Load, rows: Rows
) -> None:
    deep = Field("deep", "RECORD", fields=[Field("leaf", "INT64", mode="REQUIRED")])
    table = create_table([Field("outer", "RECORD", fields=[deep])])
    type_ = pa.struct({"deep": pa.struct({"leaf": pa.int64()})})
    fine = pa.array([{"deep": {"leaf": 1}}, {"deep": None}, None], type_)
    load(stage({"outer": fine}), table).result()
    wrong = pa.array([{"deep": {"leaf": None}}], type_)
    error = load(stage({"outer": wrong}), table).error_result
    assert error["message"] == "Required field outer.deep.leaf cannot be null"
    assert len(rows(table)) == 3


def test_null_in_a_required_field_of_a_repeated_struct_is_refused(
    create_table: CreateTable, stage: Stage, load: Load
) -> None:
    table = create_table(
        [Field("ticks", "RECORD", mode="REPEATED", fields=[Field("price", "INT64", mode="REQUIRED")])]
    )
    options = bigquery.ParquetOptions()
    options.enable_list_inference = True
    type_ = pa.list_(pa.struct({"price": pa.int64()}))
    fine, wrong = (stage({"ticks": pa.array([[{"price": 1}, {"price": last}]], type_)}) for last in (2, None))
    load(fine, table, parquet_options=options).result()
    error = load(wrong, table, parquet_options=options).error_result
    assert error["message"] == "Required field ticks.price cannot be null"


def test_one_bad_file_among_many_loads_nothing(
    table: bigquery.Table, stage: Stage, load: Load, rows: Rows
) -> None:
    good, bad = stage(columns()), stage(columns(price=pa.array(["high"])))
    error = load([good, bad], table).error_result
    assert (error["reason"], error["location"]) == ("invalid", bad)
    assert rows(table) == []


def test_a_file_that_is_not_parquet_is_invalid(
    table: bigquery.Table, bucket: Any, load: Load, rows: Rows
) -> None:
    bucket.blob("loads/text.parquet").upload_from_string("symbol,day")
    assert load(f"gs://{bucket.name}/loads/text.parquet", table).error_result["reason"] == "invalid"
    assert rows(table) == []


def test_a_truncated_file_is_invalid(
    create_table: CreateTable, bucket: Any, stage: Stage, load: Load, rows: Rows
) -> None:
    table = create_table([Field("number", "INT64")])
    whole = stage({"number": list(range(100_000))}, use_dictionary=False, compression="none")
    content = bytearray(bucket.blob(whole.removeprefix(f"gs://{bucket.name}/")).download_as_bytes())
    content[4:100] = b"\xff" * 96
    bucket.blob("loads/broken.parquet").upload_from_string(bytes(content))
    assert load(f"gs://{bucket.name}/loads/broken.parquet", table).error_result["reason"] == "invalid"
    assert rows(table) == []


def test_the_statistics_are_the_jobs_own(table: bigquery.Table, stage: Stage, load: Load) -> None:
    uri = stage(columns())
    load(uri, table).result()
    job = load([uri, uri], table)
    job.result()
    assert (job.output_rows, job.input_files) == (2, 2)


def test_wildcards_take_all_files_they_match(
    table: bigquery.Table, bucket: Any, stage: Stage, loaded_rows: LoadedRows
) -> None:
    for number in range(3):
        bucket.copy_blob(
            bucket.blob(stage(columns()).removeprefix(f"gs://{bucket.name}/")),
            bucket,
            f"wild/{number}.parquet",
        )
    assert loaded_rows(f"gs://{bucket.name}/wild/*.parquet", table) == 3


def test_truncating_replaces_the_rows_and_only_if_the_load_succeeds(
    table: bigquery.Table, stage: Stage, load: Load, rows: Rows
) -> None:
    load(stage(columns()), table).result()
    bad = stage(columns(price=pa.array(["high"])))
    assert load(bad, table, write_disposition="WRITE_TRUNCATE").error_result["reason"] == "invalid"
    assert rows(table) == [ROW]
    load(stage(columns(symbol=["ZS"])), table, write_disposition="WRITE_TRUNCATE").result()
    assert rows(table) == [{**ROW, "symbol": "ZS"}]


def test_write_empty_refuses_a_table_with_rows(
    table: bigquery.Table, stage: Stage, load: Load, rows: Rows
) -> None:
    uri = stage(columns())
    load(uri, table, write_disposition="WRITE_EMPTY").result()
    assert load(uri, table, write_disposition="WRITE_EMPTY").error_result["reason"] == "duplicate"
    assert rows(table) == [ROW]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], "changed mode from REQUIRED to NULLABLE"),
        ([Field("symbol", "STRING")], "changed mode from REQUIRED to NULLABLE"),
        ([*SCHEMA[:2], Field("price", "STRING")], "Field price has changed type"),
        (
            [*SCHEMA[:3], Field("pivots", "RECORD", fields=[Field("P", "INT64")])],
            "Field pivots.P has changed type",
        ),
        ([*SCHEMA, Field("extra", "STRING")], "Cannot add fields (field: extra)"),
    ],
)
def test_the_jobs_schema_must_be_the_tables(
    table: bigquery.Table, stage: Stage, load: Load, rows: Rows, schema: list[Field], message: str
) -> None:
    assert message in load(stage(columns()), table, schema=schema).error_result["message"]
    assert rows(table) == []


def test_partitions_modified_by_one_job_are_limited(
    create_table: CreateTable, stage: Stage, load: Load, loaded_rows: LoadedRows, rows: Rows
) -> None:
    table = create_table([Field("day", "DATE")], partition_by="day")
    days = [dt.date(2000, 1, 1) + dt.timedelta(n) for n in range(4_001)]
    assert "Too many partitions" in load(stage({"day": days}), table).error_result["message"]
    assert rows(table) == []
    assert loaded_rows(stage({"day": days[1:]}), table) == 4_000


def test_partitions_of_one_table_are_limited(create_table: CreateTable, stage: Stage, load: Load) -> None:
    table = create_table([Field("day", "DATE")], partition_by="day")
    days = [dt.date(2000, 1, 1) + dt.timedelta(n) for n in range(10_001)]
    for first in (0, 4_000):
        load(stage({"day": days[first : first + 4_000]}), table).result()
    assert "Too many partitions" in load(stage({"day": days[8_000:]}), table).error_result["message"]
    load(stage({"day": days[8_000:10_000]}), table).result()


def test_months_are_one_partition_each(
    client: bigquery.Client, dataset: str, stage: Stage, loaded_rows: LoadedRows
) -> None:
    table = bigquery.Table(f"{client.project}.{dataset}.monthly", [Field("day", "DATE")])
    table.time_partitioning = bigquery.TimePartitioning("MONTH", field="day")
    client.create_table(table)
    days = [dt.date(2000, 1, 1) + dt.timedelta(n) for n in range(4_001)]
    assert loaded_rows(stage({"day": days}), table) == 4_001
