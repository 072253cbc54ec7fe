"""Load jobs that are slow, that fail, that are lost sight of: in the end one of them has loaded each part."""

import time
from typing import Any

import pytest
from support.bigquery_errors import (
    ACCESS_DENIED,
    CONCURRENT_UPDATE,
    NO_DATASET,
    QUOTA_EXCEEDED,
    TOO_MANY_STATEMENTS,
)
from support.faults import Fault
from support.world import World, rows, rows_of

from cbi.gcs.identity import StagedFile


@pytest.fixture
def world(world: World) -> World:
    world.reset()
    return world


@pytest.fixture
def file(world: World, unique: str) -> StagedFile:
    return world.drop("appended", unique, rows(unique, 5))


def logged(world: World, since: int) -> str:
    """What the function has logged since its log was so long."""
    return world.function.log()[since:]


def loaded_by(world: World, file: StagedFile, symbol: str, feed: str = "appended") -> str:
    """The attempt of the one job that loaded a file, all of whose rows are in the table once."""
    assert world.in_table(feed, symbol) == {file.run_id: rows_of(rows(symbol, 5))}
    report: dict[str, Any] | None = world.cloud.read_report(file)
    assert report is not None
    assert report["status"] == "success"
    (job,) = report["load_jobs"]
    return str(job["id"].rpartition("_")[2])


def test_a_job_that_outlasts_the_function_is_taken_up_by_the_next_delivery(
    world: World, unique: str, file: StagedFile
) -> None:
    world.function.kill()
    world.function.start(FUNCTION_TIMEOUT_SECONDS="5")
    world.rules(load_seconds=9)
    start = time.monotonic()
    assert not world.function.deliver(file)
    assert time.monotonic() - start < 9, "it must say so before its time is up, not when the job ends"
    assert world.cloud.read_report(file) is None
    assert "the function's time is up" in world.function.log()

    world.reset()
    world.rules(load_seconds=0)
    assert any(world.function.deliver(file) for _ in range(4))
    assert loaded_by(world, file, unique) == "0"


@pytest.mark.parametrize("reason", ["backendError", "internalError", "rateLimitExceeded", "quotaExceeded"])
def test_a_job_that_fails_for_no_fault_of_the_file_is_followed_by_another(
    world: World, unique: str, file: StagedFile, reason: str
) -> None:
    world.rules(fail_next_loads=[reason])
    assert world.function.deliver(file)
    assert loaded_by(world, file, unique) == "1"


def test_jobs_that_fail_again_and_again_are_left_to_later_deliveries(
    world: World, unique: str, file: StagedFile
) -> None:
    world.rules(fail_next_loads=["backendError"] * 5)
    assert not world.function.deliver(file)
    world.function.restart()
    assert not world.function.deliver(file)
    assert world.cloud.read_report(file) is None
    assert world.function.deliver(file)
    assert loaded_by(world, file, unique) == "5"


def test_a_quota_that_is_used_up_is_waited_for(world: World, unique: str, file: StagedFile) -> None:
    world.rules(loads_per_table_per_day=0)
    assert not world.function.deliver(file)
    world.rules(loads_per_table_per_day=1_000_000)
    assert world.function.deliver(file)
    assert loaded_by(world, file, unique) == "2"


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("accessDenied", "give the service account the role that it lacks"),
        ("notFound", "run `python -m cbi init`"),
        ("resourcesExceeded", "a smaller `batch_rows`"),
        ("billingNotEnabled", "enable billing for the project"),
    ],
)
def test_a_job_that_an_operator_must_help_leaves_no_report_and_is_followed_by_another_once_he_has(
    world: World, unique: str, file: StagedFile, reason: str, advice: str
) -> None:
    world.rules(fail_next_loads=[reason] * 2)
    since = len(world.function.log())
    assert not world.function.deliver(file)
    assert advice in logged(world, since)
    world.function.restart()
    assert not world.function.deliver(file)
    assert world.cloud.read_report(file) is None
    assert world.in_table("appended", unique) == {}

    assert world.function.deliver(file)
    assert loaded_by(world, file, unique) == "2"


@pytest.mark.parametrize("feed", ["appended", "unchecked", "upserted"])
def test_a_table_that_is_missing_leaves_no_report_and_once_it_is_there_the_file_is_loaded(
    world: World, unique: str, feed: str
) -> None:
    file = world.drop(feed, unique, rows(unique, 3))
    world.cloud.bigquery.delete_table(f"{world.cloud.project}.faults.{feed}")
    since = len(world.function.log())
    try:
        assert not world.function.deliver(file)
        assert "run `python -m cbi init`" in logged(world, since)
        assert world.cloud.read_report(file) is None
    finally:
        assert world.function.run("init")
    assert world.function.deliver(file)
    assert world.cloud.report(file)["status"] == "success"
    assert world.in_table(feed, unique) == {file.run_id: rows_of(rows(unique, 3))}


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        pytest.param(403, ACCESS_DENIED, "give the service account the role", id="access denied"),
        pytest.param(403, b"<html>Forbidden</html>", "give the service account the role", id="403"),
        pytest.param(404, NO_DATASET, "run `python -m cbi init`", id="no dataset"),
        pytest.param(403, QUOTA_EXCEEDED, "Quota exceeded", id="quota"),
    ],
)
def test_an_insert_that_is_denied_leaves_no_report_and_its_id_for_the_next_delivery(
    world: World, unique: str, status: int, body: bytes, advice: str
) -> None:
    file = world.drop("unchecked", unique, rows(unique, 5))

    def deny(_: int, request: str) -> Fault | None:
        inserts = request.startswith("POST") and "/jobs" in request
        return Fault(status=status, body=body) if inserts else None

    world.faults.plan(deny)
    since = len(world.function.log())
    assert not world.function.deliver(file)
    assert world.cloud.read_report(file) is None
    assert advice in logged(world, since)
    world.faults.clear()
    assert world.function.deliver(file)
    assert loaded_by(world, file, unique, "unchecked") == "0"


@pytest.mark.parametrize("body", [CONCURRENT_UPDATE, TOO_MANY_STATEMENTS], ids=["serialize", "waiting"])
def test_a_merge_that_meets_others_is_not_taken_for_refused(world: World, unique: str, body: bytes) -> None:
    file = world.drop("upserted", unique, rows(unique, 3))
    inserts = 0

    def refuse(_: int, request: str) -> Fault | None:
        nonlocal inserts
        inserts += request.startswith("POST") and "/jobs" in request
        # The first insert is of the load into the staging table.
        return Fault(status=400, body=body) if inserts > 1 else None

    world.faults.plan(refuse)
    assert not world.function.deliver(file)
    assert world.cloud.read_report(file) is None
    world.faults.clear()
    assert world.function.deliver(file)
    assert world.in_table("upserted", unique) == {file.run_id: rows_of(rows(unique, 3))}


def test_what_bigquery_refuses_is_reported_in_its_own_words(
    world: World, unique: str, file: StagedFile
) -> None:
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(file)
    assert world.function.deliver(file)
    report = world.cloud.report(file)
    assert (report["status"], report["reason"]) == ("failed", "load_failed")
    assert "The local BigQuery was asked to fail this job with invalid" in report["message"]
    assert world.in_table("appended", unique) == {}


def test_a_job_whose_insert_got_no_answer_is_found_though_it_is_unknown_for_a_moment(
    world: World, unique: str, file: StagedFile
) -> None:
    """The insert is tried again, meets 409, and the job it should be is not to be found at first."""
    job, met = f"cbi_appended_{file.run_id}_0_0", {"insert": 0, "get": 0}

    def decide(_: int, request: str) -> Fault | None:
        if met["get"] < 2 and f"/jobs/{job}" in request:
            assert "location=US" in request
            met["get"] += 1
            return Fault(status=404)
        # The insert before this one is of the query for keys that the table has already.
        if request.startswith("POST") and "/jobs" in request:
            met["insert"] += 1
            return Fault(forward=True) if met["insert"] == 2 else None
        return None

    world.faults.plan(decide)
    assert world.function.deliver(file)
    assert met == {"insert": 3, "get": 2}
    assert loaded_by(world, file, unique) == "0"


def test_a_refused_file_is_not_replayed_once_another_run_has_loaded_its_bytes(
    world: World, unique: str, file: StagedFile
) -> None:
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(file)
    again = world.drop("appended", f"{unique} again", rows(unique, 5))
    assert world.function.deliver(again)
    assert loaded_by(world, again, unique) == "0"
    assert not world.function.run("replay", file.run_id)
    assert f"the same bytes were loaded by run {again.run_id}" in world.function.log()
    assert loaded_by(world, again, unique) == "0"


def test_bytes_of_which_a_replay_has_loaded_a_part_are_not_loaded_beside_it(
    world: World, unique: str
) -> None:
    table = rows(unique, 8)
    file = world.drop("in_parts", unique, table)
    world.rules(fail_next_loads=["invalid"] * 3)
    assert world.function.deliver(file)
    assert not world.function.run("replay", file.run_id)
    world.rules(fail_next_loads=[])

    again = world.drop("in_parts", f"{unique} again", table)
    assert world.function.deliver(again)
    report = world.cloud.report(again)
    assert (report["status"], report["reason"]) == ("failed", "partly_loaded")

    assert world.function.run("replay", file.run_id)
    assert world.in_table("in_parts", unique) == {file.run_id: rows_of(table)}
