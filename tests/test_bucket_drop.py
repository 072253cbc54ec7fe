"""A file dropped in the bucket: what ends up in the table, in quarantine and in the report."""

import os
from collections.abc import Iterator
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from support.cloud import Cloud
from support.tables import to_parquet

from cbi import IngestionPipeline
from cbi.local.sample import sample_table

LAST = date(2026, 11, 20)


@pytest.fixture
def project(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """The local stack or, with CBI_INTEGRATION_PROJECT set, that project (and STAGING_ and OUTPUT_BUCKET)."""
    name = os.environ.get("CBI_INTEGRATION_PROJECT")
    if name is None:
        yield request.getfixturevalue("cloud")
        return
    buckets = os.environ["STAGING_BUCKET"], os.environ["OUTPUT_BUCKET"]
    yield Cloud(name, *buckets, environment={**os.environ, "GOOGLE_CLOUD_PROJECT": name})


def test_a_hundred_rows_arrive_with_their_regimes_and_can_be_deleted_again(project: Cloud) -> None:
    symbol = "ZL_TEST"
    file = project.drop(sample_table(100, LAST, symbol), "staged/hundred rows.parquet")
    if project.function is None:
        os.environ.update(project.environment)
        IngestionPipeline().ingest(file)
    report = project.report(file)

    assert report["status"] == "success", report["message"]
    assert report["rows_loaded"] == 100
    assert report["validation_report"]["regime_coverage"]["coverage_pct"] == 100
    rows = project.query("SELECT * FROM TABLE WHERE symbol = @symbol", symbol=symbol)
    assert len(rows) == 100
    assert all(row["regime"]["name"] == row["regime_name"] is not None for row in rows)
    assert all(400 <= row["regime"]["weight"] <= 600 for row in rows)
    assert all(row["market_data"]["close"] > 0 for row in rows)
    assert all(row["pivots"]["P"] > 0 for row in rows)
    assert all(row["policy"]["trump_score"] is not None for row in rows)
    assert {row["run_id"] for row in rows} == {report["run_id"]}

    project.query("DELETE FROM TABLE WHERE symbol = @symbol", symbol=symbol)
    assert project.query("SELECT 1 FROM TABLE WHERE symbol = @symbol", symbol=symbol) == []


def test_every_value_of_the_file_is_in_its_place(cloud: Cloud, unique: str) -> None:
    table = sample_table(30, LAST, unique)
    report = cloud.ingest(table, f"staged/{unique}.parquet")
    rows = cloud.query("SELECT * FROM TABLE WHERE run_id = @run ORDER BY data_date", run=report["run_id"])
    expected = table.to_pylist()
    leaves = {"golden_zone_state": ("golden_zone", "state")}
    for row, want in zip(rows, expected, strict=True):
        flat = {("", name): value for name, value in row.items() if not isinstance(value, dict)}
        for struct, fields in row.items():
            if isinstance(fields, dict):
                flat |= {(struct, name): value for name, value in fields.items()}
        by_name = {name: value for (_, name), value in flat.items()}
        for column, value in want.items():
            assert (flat[leaves[column]] if column in leaves else by_name[column]) == value, column


def test_rows_without_a_regime_are_kept_in_quarantine(cloud: Cloud, unique: str) -> None:
    table = sample_table(40, date(2023, 11, 10), unique).append_column("note", pa.array(["x"] * 40))
    report = cloud.ingest(table, f"staged/{unique}.parquet")

    assert (report["status"], report["rows_loaded"], report["rows_skipped"]) == ("success", 10, 30)
    assert cloud.count(report["run_id"]) == 10
    quarantined = cloud.read_parquet(report["quarantine_uri"])
    assert quarantined.drop_columns("_reason") == table.slice(0, 30)
    assert set(quarantined["_reason"].to_pylist()) == {"no regime for this date"}
    assert str(date(2023, 10, 31)) in report["validation_report"]["regime_coverage"]["missing_dates"]


def test_a_file_wholly_outside_the_calendar_fails_and_loads_nothing(cloud: Cloud, unique: str) -> None:
    report = cloud.ingest(sample_table(10, date(2020, 1, 10), unique), f"staged/{unique}.parquet")
    assert (report["status"], report["reason"]) == ("failed", "no_regime_coverage")
    assert "2023-11-01 to 2029-01-20" in report["message"]
    assert cloud.count(report["run_id"]) == 0
    assert report["quarantine_uri"] is None


SAMPLE = sample_table(20, LAST, "BAD")


@pytest.mark.parametrize(
    ("content", "reason", "says"),
    [
        pytest.param(b"symbol,close\nZL,48.1\n", "unreadable_file", "parquet", id="not parquet at all"),
        pytest.param(to_parquet(SAMPLE)[:-100], "unreadable_file", "parquet", id="truncated"),
        pytest.param(b"", "unreadable_file", "parquet", id="zero bytes"),
        pytest.param(SAMPLE.slice(0, 0), "empty_file", "no rows", id="zero rows"),
        pytest.param(
            SAMPLE.set_column(6, "close", pa.array(["48.1"] * 20)),
            "validation_failed",
            "close is string, which cannot become FLOAT64 safely",
            id="wrong type",
        ),
        pytest.param(
            pa.concat_tables([SAMPLE, SAMPLE.slice(0, 2)]),
            "validation_failed",
            "4 rows share their key (symbol, data_date)",
            id="duplicates",
        ),
        pytest.param(
            SAMPLE.drop_columns("data_date"), "validation_failed", "data_date is missing", id="no date"
        ),
        pytest.param(
            SAMPLE.set_column(0, "symbol", pc.if_else(pa.array([False] + [True] * 19), "ZL", None)),
            "validation_failed",
            "symbol is NULL in 1 row",
            id="NULL symbol",
        ),
        pytest.param(
            SAMPLE.set_column(1, "data_date", pa.array([date(1815, 6, 18)] * 20)),
            "validation_failed",
            "it must stay in 1900-01-01 to 2099-12-31",
            id="before 1900",
        ),
    ],
)
def test_a_bad_file_gets_a_failed_report_and_nothing_of_it_is_loaded(
    cloud: Cloud, unique: str, content: pa.Table | bytes, reason: str, says: str
) -> None:
    report = cloud.ingest(content, f"staged/{unique}.parquet")
    assert (report["status"], report["reason"]) == ("failed", reason), report["message"]
    assert says in report["message"]
    assert report["rows_loaded"] == 0
    assert cloud.count(report["run_id"]) == 0


def test_a_feed_that_does_not_exist_is_told_with_those_that_do(cloud: Cloud, unique: str) -> None:
    report = cloud.ingest(SAMPLE, "staged/no_such_feed/x.parquet")
    assert (report["status"], report["reason"]) == ("failed", "unknown_feed")
    assert "daily_ml_matrix" in report["message"]


def test_four_hundred_unknown_columns_are_listed_and_not_loaded(cloud: Cloud, unique: str) -> None:
    table = sample_table(5, LAST, unique)
    for number in range(400):
        table = table.append_column(f"extra_{number}", pa.array([1.0] * 5))
    report = cloud.ingest(table, f"staged/{unique}.parquet")
    assert report["status"] == "success"
    types = report["validation_report"]["column_types"]
    assert len(types["unknown_columns"]) == 100
    assert types["unknown_columns_total"] == 400
    assert any("400 columns" in warning for warning in report["warnings"])


@pytest.mark.parametrize("name", ["sojaöl täglich ☂", "with spaces and #?&%", "dir/a=b/deep.er", "UPPER"])
def test_object_names_of_any_kind_work(cloud: Cloud, name: str) -> None:
    folder = "staged/daily_ml_matrix" if "/" in name else "staged"
    report = cloud.ingest(sample_table(3, LAST, name), f"{folder}/{name}.parquet")
    assert report["status"] == "success", report["message"]
    assert cloud.count(report["run_id"]) == 3


def test_text_of_any_language_survives(cloud: Cloud) -> None:
    report = cloud.ingest(sample_table(2, LAST, "大豆油—ζλ"), "staged/unicode values.parquet")
    (row,) = cloud.query("SELECT DISTINCT symbol FROM TABLE WHERE run_id = @run", run=report["run_id"])
    assert row["symbol"] == "大豆油—ζλ"


def test_what_is_not_a_staged_parquet_file_is_left_alone(cloud: Cloud) -> None:
    for name in ("elsewhere/x.parquet", "staged/notes.txt", "staged/x.parquet.tmp"):
        cloud.drop(b"not ours", name)
    cloud.ingest(sample_table(1, LAST, "AFTER"), "staged/after the others.parquet")
    touched = [
        name for name in cloud.outputs("reports/") if "elsewhere" in name or "notes" in name or "tmp" in name
    ]
    assert touched == []
