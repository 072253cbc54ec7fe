"""Every report is a row of `ops.ingestion_runs`, once."""

import json
from datetime import UTC, date, datetime, timedelta

from support.cloud import Cloud

from cbi import IngestionPipeline
from cbi.deadline import Deadline
from cbi.local.sample import sample_table
from cbi.ops.ingestion_runs import load_runs

LAST = date(2026, 11, 20)


def record(pipeline: IngestionPipeline, now: datetime) -> int:
    reports = [each for each in pipeline.outputs.list("reports/") if each.file.name.endswith(".json")]
    return load_runs(pipeline, reports, now, Deadline.never())


def rows_of(cloud: Cloud, run_id: str) -> list[dict[str, object]]:
    sql = f"SELECT * FROM `{cloud.project}.ops.ingestion_runs` WHERE run_id = @run"
    return cloud.query(sql, run=run_id)


def test_a_report_becomes_a_row_once_its_ten_minutes_are_over(
    cloud: Cloud, pipeline: IngestionPipeline, unique: str
) -> None:
    loaded = cloud.ingest(sample_table(7, LAST, unique), f"staged/{unique}.parquet")
    failed = cloud.ingest(b"not parquet", f"staged/{unique} bad.parquet")
    now = datetime.now(UTC)
    record(pipeline, now)
    assert rows_of(cloud, loaded["run_id"]) == []

    later = now + timedelta(minutes=12)
    assert record(pipeline, later) >= 2
    assert record(pipeline, later) == 0
    (row,) = rows_of(cloud, loaded["run_id"])
    assert (row["status"], row["rows_loaded"], row["loaded_table"]) == (
        "success",
        7,
        "features.daily_ml_matrix",
    )
    assert row["finished_on"] == datetime.fromisoformat(loaded["finished_at"]).date()
    assert json.loads(str(row["report"])) == loaded
    (row,) = rows_of(cloud, failed["run_id"])
    assert (row["status"], row["reason"]) == ("failed", "unreadable_file")

    for marker in pipeline.outputs.list("ops/loaded/"):
        pipeline.outputs.delete(marker.file.name)
    record(pipeline, later)
    assert len(rows_of(cloud, loaded["run_id"])) == 1, "a lost marker loads nothing twice"
