"""Applied regimes count for the next file, though the function keeps the calendar warm for an hour."""

import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from support.cloud import Cloud
from support.command_line import cbi_on

from cbi.local.sample import sample_table
from cbi.local.stack import running_stack


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_stack(tmp_path_factory.mktemp("warm")) as stack:
        yield Cloud.of_stack(stack)


def apply(cloud: Cloud, folder: Path, first: str) -> None:
    """Apply a calendar of one regime that begins on a day."""
    path = folder / "regimes.yaml"
    path.write_text(f"- {{regime: only, from: {first}, to: 2029-01-20, weight: 500}}\n")
    cbi_on(cloud, "regimes", "--file", path, "--apply")
    time.sleep(1)  # within a second of being read, a calendar is not read again


def test_a_file_that_had_no_regime_loads_when_it_is_dropped_again(cloud: Cloud, tmp_path: Path) -> None:
    table = sample_table(10, date(2023, 6, 30), "AGAIN")
    apply(cloud, tmp_path, "2023-09-01")
    before = cloud.ingest(table, "staged/again.parquet")
    assert (before["status"], before["reason"]) == ("failed", "no_regime_coverage")

    apply(cloud, tmp_path, "2023-06-01")
    after = cloud.ingest(table, "staged/again.parquet")
    assert (after["status"], after["rows_loaded"], after["rows_skipped"]) == ("success", 10, 0)
    assert after["regime_calendar"]["min_date"] == "2023-06-01"
    sql = "SELECT DISTINCT regime.name AS name, regime.weight AS weight FROM TABLE WHERE run_id = @run"
    assert cloud.query(sql, run=after["run_id"]) == [{"name": "only", "weight": 500}]


def test_quarantined_rows_load_when_they_are_replayed(cloud: Cloud, tmp_path: Path) -> None:
    days = [sample_table(5, day, "REPLAYED") for day in (date(2023, 5, 5), date(2024, 5, 5))]
    before = cloud.ingest(pa.concat_tables(days), "staged/replayed.parquet")
    assert (before["rows_loaded"], before["rows_skipped"]) == (5, 5)

    apply(cloud, tmp_path, "2023-04-01")
    after = json.loads(cbi_on(cloud, "replay", before["run_id"]))
    assert (after["status"], after["rows_loaded"], after["rows_skipped"]) == ("success", 5, 0)


def test_rows_that_a_longer_calendar_covers_are_not_quarantined(cloud: Cloud, tmp_path: Path) -> None:
    apply(cloud, tmp_path, "2023-01-01")
    table = sample_table(60, date(2023, 4, 20), "COVERED")
    found = cloud.ingest(table, "staged/covered.parquet")
    assert (found["rows_loaded"], found["rows_skipped"], found["quarantine_uri"]) == (60, 0, None)
