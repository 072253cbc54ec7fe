"""A calendar that reaches back to 1990: more dates than one load job may touch."""

import json
from datetime import date

import pyarrow as pa
import pytest
import requests
from support.cloud import Cloud
from support.command_line import cbi_on

from cbi.local.sample import sample_table
from cbi.local.stack import Stack

LAST = date(2026, 11, 20)


@pytest.fixture(scope="module")
def cloud(recalendared: Stack, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    regimes = tmp_path_factory.mktemp("longer") / "regimes.yaml"
    regimes.write_text(
        "- {regime: before, from: 1990-01-01, to: 2019-12-31, weight: 410}\n"
        "- {regime: after, from: 2020-01-01, to: 2029-12-31, weight: 590}\n"
    )
    cloud = Cloud.of_stack(recalendared)
    cbi_on(cloud, "regimes", "--file", regimes, "--apply")
    return cloud


def test_applied_regimes_replace_those_before(cloud: Cloud) -> None:
    sql = "SELECT regime, count(*) AS days FROM `cbi-local.training.regime_calendar` GROUP BY regime"
    assert {row["regime"]: row["days"] for row in cloud.query(sql)} == {"before": 10957, "after": 3653}


def test_a_file_of_more_dates_than_a_job_may_touch_is_loaded_in_parts(cloud: Cloud) -> None:
    table = sample_table(9_000, LAST, "LONG")
    report = cloud.ingest(table, "staged/long.parquet")
    assert report["status"] == "success", report["message"]
    assert [(job["rows"], job["partitions"]) for job in report["load_jobs"]] == [
        (4000, 4000),
        (4000, 4000),
        (1000, 1000),
    ]
    assert len({job["id"] for job in report["load_jobs"]}) == report["batches"] == 3
    (row,) = cloud.query(
        "SELECT count(*) AS n, count(DISTINCT data_date) AS days, sum(market_data.volume) AS volume"
        " FROM TABLE WHERE run_id = @run",
        run=report["run_id"],
    )
    assert row == {"n": 9000, "days": 9000, "volume": sum(table["volume"].to_pylist())}


def test_the_parts_of_a_file_in_any_order_hold_each_row_once(cloud: Cloud) -> None:
    table = sample_table(5_000, LAST, "SHUFFLED")
    shuffled = pa.concat_tables(
        [table.slice(start).take(list(range(0, 5000 - start, 5))) for start in range(5)]
    )
    report = cloud.ingest(shuffled, "staged/shuffled.parquet")
    assert report["batches"] == 2
    (row,) = cloud.query(
        "SELECT count(*) AS n, count(DISTINCT data_date) AS days FROM TABLE WHERE run_id = @run",
        run=report["run_id"],
    )
    assert row == {"n": 5000, "days": 5000}


def test_a_file_of_which_bigquery_refused_a_part_can_be_finished_but_not_loaded_twice(cloud: Cloud) -> None:
    rules = f"{cloud.environment['BIGQUERY_EMULATOR_HOST']}/_local/settings"
    requests.put(rules, json={"fail_next_loads": ["invalid"]}, timeout=10).raise_for_status()
    table = sample_table(5_000, LAST, "PARTLY")
    partly = cloud.ingest(table, "staged/partly.parquet")
    assert (partly["status"], partly["reason"], partly["rows_loaded"]) == ("failed", "load_failed", 1000)
    assert "1 of 2 parts are loaded" in partly["message"]

    again = cloud.ingest(table, "staged/partly.parquet")
    assert (again["status"], again["reason"]) == ("failed", "partly_loaded")
    assert f"python -m cbi replay {partly['run_id']}" in again["message"]

    for _ in range(2):
        finished = json.loads(cbi_on(cloud, "replay", partly["run_id"]))
        assert (finished["status"], finished["rows_loaded"]) == ("success", 5000)
    assert cloud.count(partly["run_id"]) == 5000
    assert cloud.ingest(table, "staged/partly.parquet")["status"] == "skipped"
    assert cloud.count(partly["run_id"]) == 5000


def test_undo_of_a_run_in_parts_takes_all_of_them_back(cloud: Cloud) -> None:
    run = cloud.ingest(sample_table(4_500, LAST, "UNDONE"), "staged/undone.parquet")["run_id"]
    assert json.loads(cbi_on(cloud, "undo", run))["rows_deleted"] == 4500
    assert cloud.count(run) == 0
    assert cloud.query("SELECT count(*) AS n FROM TABLE WHERE symbol = 'LONG'") == [{"n": 9000}]
