"""A job id is used once, whatever became of the job; jobs take their time; a day has a limit of them."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest, Conflict, Forbidden, NotFound
from google.cloud import bigquery
from support.cloud import NO_RETRY

from cbi.local.stack import Stack

CreateTable = Callable[..., bigquery.Table]
Load = Callable[..., bigquery.LoadJob]
LoadedRows = Callable[..., int]
Rows = Callable[[bigquery.Table], list[dict[str, Any]]]
Rules = Callable[..., None]
Stage = Callable[..., str]

NUMBER = [bigquery.SchemaField("number", "INT64")]


@pytest.fixture
def table(create_table: CreateTable) -> bigquery.Table:
    return create_table(NUMBER)


@pytest.fixture
def uri(stage: Stage) -> str:
    return stage({"number": [1, 2]})


def test_of_racing_inserts_of_one_id_one_wins(
    table: bigquery.Table, uri: str, load: Load, rows: Rows, race: Callable[..., list[Any]]
) -> None:
    job_id = f"raced_{uuid4().hex}"

    def insert(_: int) -> int:
        try:
            load(uri, table, job_id=job_id).result()
        except Conflict:
            return 409
        return 200

    assert Counter(race(insert)) == {200: 1, 409: 29}
    assert rows(table) == [{"number": 1}, {"number": 2}]


def test_the_id_of_a_failed_job_is_not_free_again(table: bigquery.Table, uri: str, load: Load) -> None:
    job_id = f"failed_{uuid4().hex}"
    with pytest.raises(NotFound):
        load("gs://cbi-staging/missing.parquet", table, job_id=job_id).result()
    with pytest.raises(Conflict):
        load(uri, table, job_id=job_id)


def test_the_id_of_a_query_is_used_once_too(client: bigquery.Client) -> None:
    job_id = f"query_{uuid4().hex}"
    client.query("SELECT 1", job_id=job_id, job_retry=None).result()
    with pytest.raises(Conflict):
        client.query("SELECT 1", job_id=job_id, job_retry=None, retry=NO_RETRY)


def test_a_job_can_be_found_again(
    client: bigquery.Client, table: bigquery.Table, uri: str, load: Load
) -> None:
    inserted = load(uri, table, labels={"run": "one"})
    found = client.get_job(inserted.job_id, location="US")
    assert isinstance(found, bigquery.LoadJob)
    assert (found.state, found.labels, found.output_rows) == ("DONE", {"run": "one"}, 2)


def test_slow_jobs_are_pending_then_running_then_done(
    client: bigquery.Client, table: bigquery.Table, uri: str, load: Load, rules: Rules, rows: Rows
) -> None:
    rules(load_seconds=1)
    job = load(uri, table)
    states = [job.state]
    while states[-1] != "DONE":
        seen = rows(table)
        states.append(client.get_job(job.job_id, location="US").state)
        assert not seen or states[-1] == "DONE"
        time.sleep(0.05)
    assert list(dict.fromkeys(states)) == ["PENDING", "RUNNING", "DONE"]
    assert len(rows(table)) == 2


def test_a_slow_job_can_be_waited_for(
    table: bigquery.Table, uri: str, loaded_rows: LoadedRows, rules: Rules
) -> None:
    rules(load_seconds=0.5)
    assert loaded_rows(uri, table) == 2


def test_a_slow_job_can_be_cancelled(
    client: bigquery.Client, table: bigquery.Table, uri: str, load: Load, rules: Rules, rows: Rows
) -> None:
    rules(load_seconds=0.5)
    job = load(uri, table)
    client.cancel_job(job.job_id, location="US")
    time.sleep(0.6)
    found = client.get_job(job.job_id, location="US")
    assert (found.state, found.error_result["reason"]) == ("DONE", "stopped")
    assert rows(table) == []


def test_the_daily_loads_of_a_table_are_limited_and_failures_count(
    table: bigquery.Table,
    create_table: CreateTable,
    uri: str,
    load: Load,
    loaded_rows: LoadedRows,
    rules: Rules,
    rows: Rows,
) -> None:
    rules(loads_per_table_per_day=2)
    load(uri, table).result()
    with pytest.raises(NotFound):
        load("gs://cbi-staging/missing.parquet", table).result()
    with pytest.raises(Forbidden, match="quota"):
        load(uri, table).result()
    assert len(rows(table)) == 2
    assert loaded_rows(uri, create_table(NUMBER)) == 2


@pytest.mark.parametrize("reason", ["backendError", "invalid"])
def test_the_next_job_can_be_made_to_fail(
    table: bigquery.Table,
    uri: str,
    load: Load,
    loaded_rows: LoadedRows,
    rules: Rules,
    rows: Rows,
    reason: str,
) -> None:
    rules(fail_next_loads=[reason])
    job = load(uri, table)
    assert job.error_result["reason"] == reason
    assert loaded_rows(uri, table) == 2
    assert len(rows(table)) == 2


def test_a_dataset_that_is_missing_is_not_found(client: bigquery.Client, uri: str, load: Load) -> None:
    missing = bigquery.Table(f"{client.project}.missing.table", NUMBER)
    with pytest.raises(NotFound):
        load(uri, missing)


def test_a_table_that_is_missing_is_not_found(
    client: bigquery.Client, dataset: str, uri: str, load: Load
) -> None:
    missing = bigquery.Table(f"{client.project}.{dataset}.missing", NUMBER)
    assert load(uri, missing).error_result["reason"] == "notFound"


def test_a_uri_that_is_missing_is_not_found(table: bigquery.Table, load: Load) -> None:
    uri = "gs://cbi-staging/missing.parquet"
    error = load(uri, table).error_result
    assert (error["reason"], error["location"]) == ("notFound", uri)


def test_input_the_emulator_trips_over_is_refused_and_not_repeated(
    client: bigquery.Client, dataset: str
) -> None:
    nested = [bigquery.SchemaField("s", "RECORD", fields=[bigquery.SchemaField("end", "DATE")])]
    with pytest.raises(BadRequest):
        client.create_table(bigquery.Table(f"{client.project}.{dataset}.reserved", nested), retry=NO_RETRY)


def test_reads_at_once_do_not_mix(
    client: bigquery.Client,
    create_table: CreateTable,
    load: Load,
    stage: Stage,
    race: Callable[..., list[Any]],
) -> None:
    tables = [create_table(NUMBER) for _ in range(5)]
    for number, table in enumerate(tables):
        load(stage({"number": pa.array([number] * 1000)}), table).result()

    def read(attempt: int) -> bool:
        number = attempt % len(tables)
        listed = client.list_rows(tables[number])
        queried = client.query(
            f"SELECT number FROM `{tables[number].full_table_id.replace(':', '.')}`"
        ).result()
        return {row.number for row in listed} == {row.number for row in queried} == {number}

    assert all(race(read))


def test_unknown_settings_are_refused(stack: Stack, rules: Rules) -> None:
    with pytest.raises(Exception, match="400"):
        rules(no_such_rule=1)
