"""Where a file cannot be spliced, or BigQuery refuses it so, it is rewritten, and nothing is loaded twice."""

import json
from typing import Any

import pyarrow as pa
import pytest
from support.faults import Fault
from support.world import World, rows, rows_of

from cbi.gcs.identity import StagedFile

MOVES_BYTES = {"done": False, "rewriteToken": "more", "totalBytesRewritten": "1", "objectSize": "9"}
"""What Cloud Storage answers where a copy is more than a note: so it is between two locations."""


@pytest.fixture
def world(world: World) -> World:
    world.reset()
    return world


@pytest.fixture
def table(unique: str) -> pa.Table:
    return rows(unique, 7)


@pytest.fixture
def file(world: World, unique: str, table: pa.Table) -> StagedFile:
    return world.drop("spliced", unique, table)


def report_of(world: World, file: StagedFile) -> dict[str, Any]:
    assert world.function.deliver(file)
    return world.cloud.report(file)


def test_between_buckets_of_two_locations_a_file_is_rewritten(
    world: World, unique: str, file: StagedFile, table: pa.Table
) -> None:
    answer = Fault(status=200, body=json.dumps(MOVES_BYTES).encode())
    world.faults.plan(lambda _, request: answer if "/rewriteTo/" in request else None)
    report = report_of(world, file)
    assert report["enrichment"]["strategy"] == "rewrite"
    assert "location or storage class" in report["enrichment"]["fallback_reason"]
    assert world.in_table("spliced", unique) == {file.run_id: rows_of(table)}


def test_what_joining_leaves_behind_is_removed(world: World, file: StagedFile) -> None:
    assert report_of(world, file)["enrichment"]["strategy"] == "splice"
    assert not world.generations(f"enriched/{file.run_id}")


def test_a_file_that_is_refused_both_ways_is_reported_as_refused(
    world: World, unique: str, file: StagedFile
) -> None:
    world.rules(fail_next_loads=["invalid"] * 4)
    report = report_of(world, file)
    assert (report["status"], report["reason"]) == ("failed", "load_failed")
    assert report["enrichment"]["strategy"] == "rewrite"
    assert world.in_table("spliced", unique) == {}


def test_a_file_that_is_refused_both_ways_can_be_replayed(
    world: World, unique: str, file: StagedFile, table: pa.Table
) -> None:
    world.rules(fail_next_loads=["invalid"] * 4)
    report_of(world, file)
    assert world.function.run("replay", file.run_id)
    assert world.in_table("spliced", unique) == {file.run_id: rows_of(table)}


def test_a_refused_file_that_is_there_no_more_is_superseded(
    world: World, unique: str, file: StagedFile
) -> None:
    world.rules(fail_next_loads=["invalid"] * 4)
    world.faults.plan(lambda _, request: world.remove(file) if "/compose" in request else None)
    report = report_of(world, file)
    assert (report["status"], report["reason"]) == ("failed", "superseded")
    assert world.in_table("spliced", unique) == {}


def test_parts_of_a_splice_that_are_loaded_stay_so_when_its_file_is_gone(
    world: World, unique: str, file: StagedFile, table: pa.Table
) -> None:
    world.rules(fail_next_loads=["invalid"])
    world.faults.plan(lambda _, request: world.remove(file) if "/compose" in request else None)
    report = report_of(world, file)
    assert (report["status"], report["reason"]) == ("failed", "load_failed")
    assert "1 of 2 parts are loaded" in report["message"]
    assert world.in_table("spliced", unique) == {file.run_id: rows_of(table.slice(4))}
