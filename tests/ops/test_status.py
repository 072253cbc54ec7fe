"""`runs`, `show` and `status`, on a terminal and for machines."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from support.cloud import Cloud
from support.command_line import cbi_on
from support.stored_reports import stored_report
from support.tables import to_parquet
from support.terminal import cbi_on_terminal, plain

from cbi import IngestionPipeline
from cbi.local.sample import sample_table
from cbi.ops.announce import history_of
from cbi.ops.sweep import sweep

LAST = date(2026, 11, 20)


def test_a_run_of_the_function_is_listed_and_shown(cloud: Cloud, unique: str) -> None:
    report = cloud.ingest(to_parquet(sample_table(7, LAST, unique)), f"staged/{unique}.parquet")
    cbi_on(cloud, "sweep")  # in case the entry that follows the report is still to come
    (entry, *_) = json.loads(cbi_on(cloud, "runs", "--since", "today", "--feed", "daily_ml_matrix"))
    assert {entry["run_id"], entry["rows_loaded"]} == {report["run_id"], 7}
    for named in (report["run_id"], f"{unique}.parquet", report["source"]["uri"]):
        assert json.loads(cbi_on(cloud, "show", named))["run_id"] == report["run_id"]
    text = plain(cbi_on_terminal("runs", environment=cloud.environment))
    assert report["run_id"] in text
    assert "success" in text


def test_show_tells_that_a_run_was_undone(cloud: Cloud, unique: str) -> None:
    report = cloud.ingest(to_parquet(sample_table(7, LAST, unique)), f"staged/{unique}.parquet")
    assert "taken out again" not in plain(
        cbi_on_terminal("show", report["run_id"], environment=cloud.environment)
    )
    cbi_on(cloud, "undo", report["run_id"])
    text = plain(cbi_on_terminal("show", report["run_id"], environment=cloud.environment))
    assert "undone   7 rows were taken out again" in text


def test_of_a_file_dropped_twice_the_newest_run_is_shown(cloud: Cloud, unique: str) -> None:
    for rows in (5, 6):
        report = cloud.ingest(to_parquet(sample_table(rows, LAST, unique)), f"staged/{unique}.parquet")
    assert json.loads(cbi_on(cloud, "show", f"{unique}.parquet"))["run_id"] == report["run_id"]


@pytest.mark.parametrize("named", ["0" * 24, "nobody.parquet"])
def test_what_there_is_no_report_of_is_told(cloud: Cloud, named: str) -> None:
    assert f"there is no report of {named}" in cbi_on(cloud, "show", named, code=1)


def test_status_tells_the_last_day_by_feed(cloud: Cloud, pipeline: IngestionPipeline) -> None:
    now = datetime.now(UTC)
    history = history_of(pipeline)
    for number, status in enumerate(("success", "failed", "success")):
        report = stored_report("quarantined")
        changes = {"status": status, "feed": "of_status", "finished_at": now - timedelta(hours=number * 20)}
        history.add(type(report)(**{**vars(report), **changes, "run_id": f"{number:024x}"}))
    swept = sweep(pipeline)
    found = json.loads(cbi_on(cloud, "status"))
    (feed,) = (feed for feed in found["feeds"] if feed["feed"] == "of_status")
    assert (feed["runs"], feed["failed"], feed["rows_loaded"], feed["rows_quarantined"]) == (2, 1, 8, 3)
    assert found["calendar_end"] == "2029-01-20"
    assert datetime.fromisoformat(found["last_sweep"]["started_at"]) == swept.started_at
    (table,) = (table for table in found["tables"] if table["table"] == "faults.appended")
    assert (table["load_jobs"], table["partitions"]) == (2, 8)
    text = plain(cbi_on_terminal("status", environment=cloud.environment))
    for part in (
        "pending    0 files without a report",
        "ends 2029-01-20",
        "of 1,500 load jobs",
        "failed last",
    ):
        assert part in text
