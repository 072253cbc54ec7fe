"""Deliveries at the same time, to several instances of the function: one load, one report."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from support.function_process import SWEEP
from support.tally import LONG, Tally
from support.world import FIRST_DAY, World, rows, rows_of

from cbi.gcs.identity import StagedFile

INSTANCES = 4
ROUNDS, DELIVERIES = (20, 50) if LONG else (1, 20)


@pytest.fixture
def world(world: World) -> World:
    world.reset()
    world.function.start(INSTANCES - 1)
    return world


def at_once(requests: Sequence[Callable[[], bool]], tries: int = 1) -> None:
    """Make all requests at the same time; each must be acknowledged within `tries`."""
    with ThreadPoolExecutor(len(requests)) as pool:
        acknowledged = list(pool.map(lambda request: any(request() for _ in range(tries)), requests))
    assert all(acknowledged), f"{acknowledged.count(False)} of {len(requests)} were refused"


def _loads(world: World, file: StagedFile) -> list[str]:
    """The ids of a run's load jobs, whatever became of them."""
    jobs = world.cloud.bigquery.list_jobs()
    return [job.job_id for job in jobs if job.job_type == "load" and file.run_id in job.job_id]


@pytest.mark.parametrize("feed", ["in_parts", "spliced", "upserted"])
def test_many_deliveries_of_an_event_make_one_load_and_one_report(
    world: World, tally: Tally, feed: str
) -> None:
    with tally.entry(f"{DELIVERIES} deliveries at once, {feed}", "four instances") as entry:
        for number in range(ROUNDS):
            symbol = f"many {feed} {number}"
            table = rows(symbol, 7)
            file = world.drop(feed, symbol, table)
            before = len(world.function.log())
            at_once([partial(world.function.deliver, file)] * DELIVERIES)
            assert world.in_table(feed, symbol) == {file.run_id: rows_of(table)}
            report = world.cloud.read_report(file)
            assert report is not None
            assert report["status"] == "success"
            assert {job["id"].rpartition("_")[2] for job in report["load_jobs"]} == {"0"}
            assert len(_loads(world, file)) == len(report["load_jobs"])
            assert "will be tried again" not in world.function.log()[before:]
            entry.schedules += 1


def test_one_content_under_ten_names_is_loaded_once(world: World, tally: Tally) -> None:
    with tally.entry("one content under 10 names at once, 5 deliveries each", "four instances") as entry:
        for number in range(ROUNDS):
            symbol = f"ten names {number}"
            table = rows(symbol, 5)
            files = [world.drop("appended", f"{symbol} {copy}", table) for copy in range(10)]
            at_once([partial(world.function.deliver, file) for file in files * 5])
            reports = {file.run_id: world.cloud.report(file) for file in files}
            statuses = Counter(report["status"] for report in reports.values())
            assert statuses == {"success": 1, "skipped": 9}
            (loaded,) = (run for run, report in reports.items() if report["status"] == "success")
            assert world.in_table("appended", symbol) == {loaded: rows_of(table)}
            assert all(loaded in report["message"] for run, report in reports.items() if run != loaded)
            entry.schedules += 1


def test_a_refused_file_replayed_while_its_bytes_come_again_is_loaded_once(
    world: World, tally: Tally
) -> None:
    with tally.entry(
        "3 replays of a refused file and 3 files of its bytes at once", "four instances"
    ) as entry:
        for number in range(ROUNDS):
            symbol = f"refused {number}"
            table = rows(symbol, 5)
            world.rules(fail_next_loads=["invalid"])
            files = [world.drop("appended", f"{symbol} {copy}", table) for copy in range(4)]
            assert world.function.deliver(files[0])
            world.rules(fail_next_loads=["invalid"] if number % 3 == 0 else [])

            def replay(run_id: str = files[0].run_id) -> bool:
                world.function.run("replay", run_id)
                return True  # it says no where a file was loaded instead

            at_once([*(partial(world.function.deliver, file) for file in files[1:]), *[replay] * 3])
            loaded = world.in_table("appended", symbol)
            assert list(loaded.values()) == [rows_of(table)], loaded
            statuses = Counter(world.cloud.report(file)["status"] for file in files[1:])
            assert statuses["failed"] <= 1, "only one more load was refused"
            entry.schedules += 1


def test_of_corrections_that_come_at_once_the_newest_stands(world: World, tally: Tally) -> None:
    with tally.entry("5 corrections at once, 4 deliveries each", "four instances") as entry:
        for number in range(ROUNDS):
            symbol = f"corrections {number}"
            first = [FIRST_DAY + timedelta(days=day) for day in range(5)]
            tables = [rows(symbol, 6, day, price=float(price)) for price, day in enumerate(first)]
            files = [world.drop("upserted", f"{symbol} {n}", table) for n, table in enumerate(tables)]
            at_once([partial(world.function.deliver, file) for file in files * 4], tries=5)
            # Each file's first day is its own; from the last one's first day on there is nothing newer.
            wanted = {
                file.run_id: rows_of(table.slice(0, 1)) for file, table in zip(files, tables, strict=True)
            }
            wanted[files[-1].run_id] = rows_of(tables[-1])
            assert world.in_table("upserted", symbol) == wanted
            entry.schedules += 1


def test_a_sweep_and_the_events_of_the_files_it_finds_load_each_once(world: World, tally: Tally) -> None:
    with tally.entry("5 sweeps and 10 events at once", "four instances") as entry:
        for number in range(ROUNDS):
            symbol = f"swept {number}"
            tables = [rows(symbol, 1, FIRST_DAY + timedelta(days=day)) for day in range(10)]
            files = [world.drop("appended", f"{symbol} {n}", table) for n, table in enumerate(tables)]
            events = [partial(world.function.deliver, file) for file in files]
            sweep = partial(world.function.post, SWEEP, {})
            at_once([*[sweep, *events[:5]] * 5, *events[5:]])
            wanted = {file.run_id: rows_of(table) for file, table in zip(files, tables, strict=True)}
            assert world.in_table("appended", symbol) == wanted
            entry.schedules += 1
