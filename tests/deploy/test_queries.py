"""The saved queries, run against the local stand-in."""

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from support.cloud import Cloud
from support.terraform import DEPLOY

QUERIES = DEPLOY / "queries"
TODAY = datetime.now(UTC)


def run(cloud: Cloud, name: str) -> list[dict[str, Any]]:
    rows = cloud.bigquery.query((QUERIES / f"{name}.sql").read_text()).result(timeout=60)
    return [dict(row) for row in rows]


@pytest.fixture
def runs(cloud: Cloud, unique: str) -> str:
    """The feed of three runs that finished today: of 10 and 20 rows, and a failed one in between."""
    values = ", ".join(
        f"('{unique}-{number}', DATE '{TODAY:%Y-%m-%d}', TIMESTAMP '{TODAY:%Y-%m-%d %H:%M:%S}', '{unique}',"
        f" '{status}', '{unique}.t', 'gs://b/{number}', 1, {rows}, {rows}, 0, {rows}, 1, 0.5, '{{}}')"
        for number, (status, rows) in enumerate([("success", 10), ("failed", 0), ("success", 20)])
    )
    cloud.query(
        "INSERT INTO ops.ingestion_runs (run_id, finished_on, finished_at, feed, status, loaded_table,"
        " source_uri, source_generation, rows_processed, rows_enriched, rows_skipped, rows_loaded, batches,"
        f" duration_seconds, report) VALUES {values}"
    )
    return unique


def test_runs_today_has_every_run_of_today_and_the_failed_first(cloud: Cloud, runs: str) -> None:
    found = [row for row in run(cloud, "runs_today") if row["feed"] == runs]
    assert [row["status"] for row in found] == ["failed", "success", "success"]


def test_load_jobs_by_table_adds_up_the_last_day(cloud: Cloud, runs: str) -> None:
    (found,) = [row for row in run(cloud, "load_jobs_by_table") if row["loaded_table"] == f"{runs}.t"]
    assert (found["load_jobs"], found["files"], found["rows_loaded"]) == (3, 3, 30)


def test_rows_by_day_and_regime_counts_what_was_loaded(cloud: Cloud, unique: str) -> None:
    before = run(cloud, "rows_by_day_and_regime")
    today = TODAY.date()
    cloud.ingest(pa.table({"symbol": [unique], "data_date": [today]}), f"staged/{unique}.parquet")
    after = run(cloud, "rows_by_day_and_regime")

    def count(rows: list[dict[str, Any]]) -> int:
        return sum(row["row_count"] for row in rows if row["data_date"] == today)

    assert count(after) == count(before) + 1


def test_date_gaps_are_weekdays_between_two_dates_of_a_symbol(cloud: Cloud, unique: str) -> None:
    # A Friday, the Monday after (no gap), and the Thursday of that week (two days missing).
    dates = [date(2024, 3, 1), date(2024, 3, 4), date(2024, 3, 7)]
    cloud.ingest(pa.table({"symbol": [unique] * 3, "data_date": dates}), f"staged/{unique}.parquet")
    (gap,) = [row for row in run(cloud, "date_gaps_by_symbol") if row["symbol"] == unique]
    assert (gap["first_missing"], gap["last_missing"], gap["weekdays"]) == (
        date(2024, 3, 5),
        date(2024, 3, 6),
        2,
    )
