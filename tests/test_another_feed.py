"""A feed added as a user adds one, by a YAML file alone: here one whose files correct each other by key."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from support.cloud import Cloud

from cbi.local.stack import Stack

ROOT = Path(__file__).parents[1]
FEED = """
description: Settlement prices, corrected by dropping the day again
table: settlement.prices
key: [contract, day]
partition_by: day
cluster_by: [contract]
write: upsert
batch_rows: 1000
enrich:
  loaded.filed_at: finalized_at
  loaded.run_id: run_id
schema:
  - {name: contract, type: STRING, mode: REQUIRED}
  - {name: day, type: DATE, mode: REQUIRED}
  - {name: price, type: FLOAT64, source: settle}
  - name: loaded
    type: STRUCT
    fields: [{name: filed_at, type: TIMESTAMP}, {name: run_id, type: STRING}]
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The stack, started by the command line from a copy of the package with one more feed in it."""
    folder = tmp_path_factory.mktemp("feed")
    shutil.copytree(ROOT / "cbi", folder / "cbi")
    shutil.copy(ROOT / "main.py", folder)
    (folder / "cbi/feeds/prices.yaml").write_text(FEED)
    command = [sys.executable, "-m", "cbi", "local", "--port", "0", "--data-dir", str(folder / "data")]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        described = json.loads(process.stdout.readline())
        assert described == json.loads((folder / "data/stack.json").read_text())
        yield Cloud.of_stack(Stack(**described))
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def prices(first: date, values: list[float]) -> pa.Table:
    days = [first + timedelta(days=offset) for offset in range(len(values))]
    return pa.table({"contract": ["ZLH7"] * len(days), "day": days, "settle": values})


def in_table(cloud: Cloud) -> dict[str, float]:
    sql = "SELECT day, price FROM `cbi-local.settlement.prices` ORDER BY day"
    return {str(row["day"]): row["price"] for row in cloud.query(sql)}


def test_a_day_dropped_again_takes_the_place_of_the_first(cloud: Cloud) -> None:
    first = cloud.ingest(prices(date(2026, 1, 1), [1.0, 2.0, 3.0]), "staged/prices/first.parquet")
    assert (first["status"], first["rows_inserted"], first["rows_updated"]) == ("success", 3, 0), first[
        "message"
    ]
    second = cloud.ingest(prices(date(2026, 1, 3), [33.0, 4.0]), "staged/prices/second.parquet")
    assert (second["rows_loaded"], second["rows_inserted"], second["rows_updated"]) == (2, 1, 1)
    assert in_table(cloud) == {"2026-01-01": 1, "2026-01-02": 2, "2026-01-03": 33, "2026-01-04": 4}


def test_nothing_but_the_feeds_table_is_left_in_its_dataset(cloud: Cloud) -> None:
    assert [table.table_id for table in cloud.bigquery.list_tables("settlement")] == ["prices"]


def test_each_part_of_a_file_is_merged_once(cloud: Cloud) -> None:
    report = cloud.ingest(prices(date(2010, 1, 1), [5.0] * 2500), "staged/prices/long.parquet")
    assert [job["inserted"] for job in report["load_jobs"]] == [1000, 1000, 500]
    assert sum(value == 5 for value in in_table(cloud).values()) == 2500


def test_a_feed_without_regimes_has_none_missing(cloud: Cloud) -> None:
    report = cloud.ingest(prices(date(1950, 1, 1), [1.0]), "staged/prices/early.parquet")
    assert report["table"] == "settlement.prices"
    assert report["validation_report"]["regime_coverage"]["coverage_pct"] == 100
    assert report["rows_skipped"] == 0
