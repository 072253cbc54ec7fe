"""Schedules that once doubled rows, lost some, or left a run without an end, each made to happen again.

What comes in between happens before a request of whoever is interrupted, who then goes on.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery
from support.bigquery_errors import body
from support.faults import Fault, Meanwhile
from support.function_process import SWEEP
from support.world import FIRST_DAY, FIRST_REGIME, Rows, World, rows, rows_of

from cbi.gcs.identity import StagedFile
from cbi.warehouse.job_ids import delete_job_id

INVALID = body(400, "invalid", "The local BigQuery was asked to refuse this request.")
REFUSED_SQL = body(400, "invalidQuery", "The local BigQuery was asked to refuse this statement.")

Matches = Callable[[str], bool]


@pytest.fixture
def world(world: World) -> World:
    world.reset()
    return world


def is_insert(request: str) -> bool:
    return request.startswith("POST") and request.partition("?")[0].endswith("/jobs")


def is_of_job(job: str) -> Matches:
    return lambda request: request.startswith("GET") and job in request


def nth(matches: Matches, number: int, fault: Fault | Meanwhile) -> Callable[[int, str], Any]:
    """Let just one request meet a fault: that of a number among those that match."""
    lock, met = threading.Lock(), 0

    def decide(_: int, request: str) -> Fault | Meanwhile | None:
        nonlocal met
        if not matches(request):
            return None
        with lock:
            met += 1
            return fault if met == number + 1 else None

    return decide


def interrupt(world: World, matches: Matches, number: int, then: Callable[[], object]) -> list[bool]:
    """Let something happen before a request; what is returned is no longer empty once it has."""
    done: list[bool] = []

    def happen() -> None:
        then()
        done.append(True)

    world.faults.plan(nth(matches, number, Meanwhile(happen)))
    return done


def report_of(world: World, file: StagedFile) -> dict[str, Any]:
    report = world.cloud.read_report(file)
    assert report is not None, f"{file.uri} has no report"
    return report


def short_calendar(world: World, days_without: int) -> None:
    """Let the first days of a file have no regime."""
    world.apply_regimes(FIRST_DAY + timedelta(days=days_without))
    world.function.restart()


@pytest.fixture
def whole_calendar(world: World) -> Any:
    yield
    world.faults.clear()
    world.apply_regimes(FIRST_REGIME)


@pytest.mark.usefixtures("whole_calendar")
@pytest.mark.parametrize("change", ["calendar", "object"])
@pytest.mark.parametrize("insert", [2, 3])
def test_a_refused_splice_and_what_it_is_made_of_changes_between_two_deliveries(
    world: World, unique: str, change: str, insert: int
) -> None:
    """Both see the refusal; the second, by another calendar or without the object, decides first.

    The first two inserts are of the parts' load jobs, the next two seal them.
    """
    table = rows(unique, 7)
    file = world.drop("spliced", unique, table)
    again: list[StagedFile] = []

    def another() -> None:
        if change == "calendar":
            world.apply_regimes(FIRST_DAY + timedelta(days=2))
        else:
            again.append(world.drop("spliced", unique, rows(unique, 7, FIRST_DAY + timedelta(days=7))))
        world.function.start()
        assert world.function.deliver(file)

    world.rules(fail_next_loads=["invalid"] * 2)
    keys = 1  # the query for keys that the table has already is an insert as well
    done = interrupt(world, is_insert, keys + insert, another)
    assert world.function.deliver(file)
    assert done
    report = report_of(world, file)
    found = world.in_table("spliced", unique).get(file.run_id, Rows())
    assert sum(found.values()) == report["rows_loaded"]
    if report["status"] == "failed":
        assert not found
    else:
        uri = report["quarantine_uri"]
        left_out = rows_of(world.cloud.read_parquet(uri)) if uri else Rows()
        assert found + left_out == rows_of(table)

    copy = world.drop("spliced", f"{unique} again", table)
    assert world.function.deliver(copy)
    is_loaded = report["status"] == "success"
    assert report_of(world, copy)["reason"] == ("duplicate_content" if is_loaded else None)
    expected = {(file if is_loaded else copy).run_id: found if is_loaded else rows_of(table)}
    assert world.in_table("spliced", unique) == expected


def test_an_undo_while_a_replay_s_job_is_pending_leaves_nothing(world: World, unique: str) -> None:
    table = rows(unique, 5)
    file = world.drop("appended", unique, table)
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(file)
    world.rules(load_seconds=1.5)
    done = interrupt(
        world, is_of_job("_e1_0"), 0, lambda: world.function.run("undo", file.run_id) or pytest.fail("undo")
    )
    world.function.run("replay", file.run_id)
    assert done
    world.rules(load_seconds=0)
    assert world.in_table("appended", unique) == {}
    assert world.function.run("undo", file.run_id)
    assert world.function.post(SWEEP, {})
    assert world.in_table("appended", unique) == {}

    copy = world.drop("appended", f"{unique} again", table)
    assert world.function.deliver(copy)
    assert world.in_table("appended", unique) == {copy.run_id: rows_of(table)}
    assert not world.generations("pending/")


def test_what_was_undone_is_not_finished_by_the_same_bytes(world: World, unique: str) -> None:
    table = rows(unique, 8)
    file = world.drop("in_parts", unique, table)
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(file)
    assert report_of(world, file)["rows_loaded"] == 4
    world.rules(fail_next_loads=["backendError"] * 2)
    assert not world.function.run("replay", file.run_id)
    assert world.function.run("undo", file.run_id)
    assert world.in_table("in_parts", unique) == {}

    copy = world.drop("in_parts", f"{unique} again", table)
    assert world.function.deliver(copy)
    for late in (file, copy):
        assert world.function.deliver(late)
    assert world.function.post(SWEEP, {})
    assert world.in_table("in_parts", unique) == {copy.run_id: rows_of(table)}
    assert not world.generations("pending/")


@pytest.mark.parametrize("spent", [False, True], ids=["at insert", "as a job"])
def test_a_deletion_that_is_refused_once_is_tried_again(world: World, unique: str, spent: bool) -> None:
    file = world.drop("unchecked", unique, rows(unique, 3))
    assert world.function.deliver(file)
    if spent:
        job = world.cloud.bigquery.load_table_from_uri(
            "gs://nowhere/x.parquet",
            "faults.nowhere",
            job_id=delete_job_id("unchecked", file.run_id, 0, 0),
            job_config=bigquery.LoadJobConfig(source_format="PARQUET"),
        )
        with pytest.raises(GoogleAPICallError):
            job.result()
    else:
        world.faults.plan(nth(is_insert, 0, Fault(status=400, body=REFUSED_SQL)))
        assert not world.function.run("undo", file.run_id)
        world.faults.clear()
        assert world.function.post(SWEEP, {}), "a sweep carries out what was begun"
    assert world.function.run("undo", file.run_id)
    assert world.in_table("unchecked", unique) == {}
    assert not world.generations("pending/")


def test_a_delivery_asleep_since_before_the_failed_report_inserts_nothing(world: World, unique: str) -> None:
    """Another's insert is answered with 400, which spends no job id; then the same bytes come again."""
    table = rows(unique, 5)
    file = world.drop("unchecked", unique, table)
    copies: list[StagedFile] = []

    def others() -> None:
        world.function.start()
        assert world.function.deliver(file)
        assert report_of(world, file)["reason"] == "load_failed"
        copies.append(world.drop("unchecked", f"{unique} again", table))
        assert world.function.deliver(copies[0])

    lock, inserts = threading.Lock(), 0

    def decide(_: int, request: str) -> Fault | Meanwhile | None:
        nonlocal inserts
        if not is_insert(request):
            return None
        with lock:
            inserts += 1
            number = inserts
        if number == 1:
            return Meanwhile(others)
        return Fault(status=400, body=INVALID) if number == 2 else None

    world.faults.plan(decide)
    assert world.function.deliver(file)
    assert world.in_table("unchecked", unique) == {copies[0].run_id: rows_of(table)}


@pytest.mark.usefixtures("whole_calendar")
def test_a_replay_of_an_older_file_s_quarantine_leaves_newer_rows(world: World, unique: str) -> None:
    short_calendar(world, 2)
    older = world.drop("upserted", unique, rows(unique, 4))
    assert world.function.deliver(older)
    assert sum(world.quarantined(older).values()) == 2
    world.apply_regimes(FIRST_REGIME)
    world.function.restart()
    corrected = rows(unique, 4, price=9.0)
    newer = world.drop("upserted", f"{unique} newer", corrected)
    assert world.function.deliver(newer)
    assert world.function.run("replay", older.run_id)
    assert world.in_table("upserted", unique) == {newer.run_id: rows_of(corrected)}


def test_a_merge_that_was_refused_is_replayed_from_a_staging_table_of_its_own(
    world: World, unique: str
) -> None:
    table = rows(unique, 3)
    file = world.drop("upserted", unique, table)
    world.faults.plan(nth(is_insert, 1, Fault(status=400, body=REFUSED_SQL)))
    assert world.function.deliver(file)
    assert report_of(world, file)["reason"] == "load_failed"
    world.faults.clear()
    assert world.function.run("replay", file.run_id)
    assert world.in_table("upserted", unique) == {file.run_id: rows_of(table)}
    left = [table.table_id for table in world.cloud.bigquery.list_tables("faults")]
    assert not [name for name in left if file.run_id in name]


def test_of_a_an_b_and_a_again_the_last_one_stands(world: World, unique: str) -> None:
    first, other = rows(unique, 3, price=1.0), rows(unique, 3, price=2.0)
    for name, table in (("a", first), ("b", other), ("a again", first)):
        file = world.drop("upserted", f"{unique} {name}", table)
        assert world.function.deliver(file)
        assert world.in_table("upserted", unique) == {file.run_id: rows_of(table)}


def test_a_partly_loaded_run_whose_parts_have_expired_can_be_taken_back_and_dropped_again(
    world: World, unique: str
) -> None:
    table = rows(unique, 8)
    file = world.drop("in_parts", unique, table)
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(file)
    world.remove_outputs(f"enriched/{file.run_id}")
    assert not world.function.run("replay", file.run_id)
    copy = world.drop("in_parts", f"{unique} again", table)
    assert world.function.deliver(copy)
    assert report_of(world, copy)["reason"] == "partly_loaded"
    assert world.function.run("undo", file.run_id)
    last = world.drop("in_parts", f"{unique} at last", table)
    assert world.function.deliver(last)
    assert world.in_table("in_parts", unique) == {last.run_id: rows_of(table)}


@pytest.mark.usefixtures("whole_calendar")
@pytest.mark.parametrize("feed", ["appended", "undeduped"])
def test_quarantined_rows_load_once_however_often_they_are_quarantined_again(
    world: World, unique: str, feed: str
) -> None:
    table = rows(unique, 5)
    short_calendar(world, 4)
    file = world.drop(feed, unique, table)
    assert world.function.deliver(file)
    world.remove(file)
    for without in (2, 2, 1, 0, 0):
        world.apply_regimes(FIRST_DAY + timedelta(days=without))
        world.function.run("replay", file.run_id)
        found = world.in_table(feed, unique)
        assert sum(found.values(), start=Rows()) == rows_of(table.slice(without))


def test_a_splice_that_ends_in_internal_errors_is_rewritten(world: World, unique: str) -> None:
    table = rows(unique, 3)
    file = world.drop("spliced", unique, table)
    world.rules(fail_next_loads=["internalError"] * 3)
    assert not world.function.deliver(file)
    assert world.function.deliver(file)
    report = report_of(world, file)
    assert (report["status"], report["enrichment"]["strategy"]) == ("success", "rewrite")
    assert world.in_table("spliced", unique) == {file.run_id: rows_of(table)}


def test_a_run_s_own_parts_are_no_keys_that_were_there_before(world: World, unique: str) -> None:
    table = rows(unique, 8)
    file = world.drop("spliced", unique, table)
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(file)
    report = report_of(world, file)
    assert (report["status"], report["enrichment"]["strategy"]) == ("success", "rewrite")
    assert report["existing_keys"]["count"] == 0
    assert not [warning for warning in report["warnings"] if "twice" in warning]
    assert world.in_table("spliced", unique) == {file.run_id: rows_of(table)}


def test_of_two_files_of_the_same_keys_at_once_one_fails_where_the_feed_wants_it(
    world: World, unique: str
) -> None:
    tables = rows(unique, 3), rows(unique, 3, price=2.0)
    one, other = (world.drop("once", f"{unique} {price}", each) for price, each in enumerate(tables))

    def deliver_other() -> None:
        world.function.start()
        assert world.function.deliver(other)

    done = interrupt(world, is_insert, 1, deliver_other)  # after the one has asked for its keys
    assert world.function.deliver(one)
    assert done
    assert world.in_table("once", unique) == {one.run_id: rows_of(tables[0])}
    assert report_of(world, other)["reason"] == "existing_keys"


@pytest.mark.usefixtures("whole_calendar")
def test_the_quarantine_of_a_run_that_was_undone_is_not_replayed(world: World, unique: str) -> None:
    short_calendar(world, 2)
    file = world.drop("appended", unique, rows(unique, 5))
    assert world.function.deliver(file)
    assert world.function.run("undo", file.run_id)
    world.apply_regimes(FIRST_REGIME)
    assert not world.function.run("replay", file.run_id)
    assert not world.function.run("replay", report_of(world, file)["quarantine_uri"])
    assert world.in_table("appended", unique) == {}


@pytest.mark.usefixtures("whole_calendar")
def test_a_name_that_fills_what_a_bucket_takes_is_loaded_replayed_and_undone(
    world: World, unique: str
) -> None:
    """Reports and quarantine files of such an object have names that are cut."""
    table = rows(unique, 5)
    short_calendar(world, 3)
    file = world.drop("upserted", "/".join([unique, *["x" * 182] * 5]), table)
    assert len(file.name) > 1000
    assert world.function.deliver(file)
    corrected = rows(unique, 1, price=9.0)
    world.apply_regimes(FIRST_REGIME)
    world.function.restart()
    newer = world.drop("upserted", f"{unique} newer", corrected)
    assert world.function.deliver(newer)
    world.apply_regimes(FIRST_DAY + timedelta(days=1))
    assert world.function.run("replay", file.run_id)
    world.apply_regimes(FIRST_REGIME)
    assert world.function.run("replay", file.run_id)
    found = world.in_table("upserted", unique)
    assert found[newer.run_id] == rows_of(corrected)
    assert sum(sum(each.values()) for each in found.values()) == 5
    assert world.function.run("undo", file.run_id)
    assert file.run_id not in world.in_table("upserted", unique)


def test_a_replay_under_way_can_be_given_up(world: World, unique: str) -> None:
    table = rows(unique, 5)
    file = world.drop("appended", unique, table)
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(file)
    world.rules(fail_next_loads=["backendError"] * 2)
    assert not world.function.run("replay", file.run_id)
    since = len(world.function.log())
    assert not world.function.run("give-up", file.run_id)
    assert "Traceback" not in world.function.log()[since:]
    assert world.in_table("appended", unique) == {}
    assert world.function.run("replay", file.run_id)
    assert world.in_table("appended", unique) == {file.run_id: rows_of(table)}
    assert world.function.run("give-up", file.run_id), "there is nothing left to give up"


def test_a_run_is_finished_in_the_project_it_was_begun_in(world: World, unique: str) -> None:
    table = rows(unique, 5)
    file = world.drop("appended", unique, table)
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(file)
    elsewhere = {**world.function._environment, "GOOGLE_CLOUD_PROJECT": "another-project"}
    for command, left in (("replay", {file.run_id: rows_of(table)}), ("undo", {})):
        done = world.function.run_alone(command, file.run_id, environment=elsewhere)
        assert done.returncode == 0, done.stderr
        assert world.in_table("appended", unique) == left


def test_a_permission_that_is_missing_for_long_leaves_no_report(world: World, unique: str) -> None:
    table = rows(unique, 5)
    file = world.drop("unchecked", unique, table)
    world.rules(fail_next_loads=["accessDenied"] * 25)
    for _ in range(25):
        assert not world.function.deliver(file)
        assert world.cloud.read_report(file) is None
    assert world.function.deliver(file)
    assert world.in_table("unchecked", unique) == {file.run_id: rows_of(table)}


def test_a_replay_does_not_double_keys_that_another_file_has_loaded_since(world: World, unique: str) -> None:
    """Where the feed fails files for keys that the table has."""
    tables = rows(unique, 3), rows(unique, 3, price=2.0)
    one, other = (world.drop("once", f"{unique} {price}", each) for price, each in enumerate(tables))
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(one)
    assert world.function.deliver(other)
    world.function.run("replay", one.run_id)
    assert world.in_table("once", unique) == {other.run_id: rows_of(tables[1])}
