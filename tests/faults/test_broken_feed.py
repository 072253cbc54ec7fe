"""A contract that cannot be read is the fault of its own feed, and stays it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.function_process import SWEEP
from support.world import ENVIRONMENT, World, rows, rows_of


@pytest.fixture
def world(world: World) -> Iterator[World]:
    contract: Path = world.regimes.parent / "package/cbi/feeds/broken.yaml"
    contract.write_text("table: features.broken\nkey: [symbol]\nschema: [{name: symbol, type: STRIN}]\n")
    world.reset()
    yield world
    contract.unlink()
    world.reset()


def test_a_sweep_runs_the_files_of_the_other_feeds(world: World, unique: str) -> None:
    table = rows(unique, 3)
    file = world.drop("appended", unique, table)
    time.sleep(2 * float(ENVIRONMENT["SWEEP_MIN_AGE_SECONDS"]))
    assert world.function.post(SWEEP, {})
    assert world.cloud.report(file)["status"] == "success"
    assert world.in_table("appended", unique) == {file.run_id: rows_of(table)}
    assert any("sweep: " in line and "broken" in line for line in world.function.log().splitlines())


def test_its_own_file_waits_for_the_contract(world: World, unique: str) -> None:
    file = world.drop("broken", unique, rows(unique, 3))
    assert not world.function.deliver(file)
    assert world.cloud.read_report(file) is None
    world.delete(file)
