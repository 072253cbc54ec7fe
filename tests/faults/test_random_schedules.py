"""Events late, twice and out of order, crashes, overwrites, sweeps, replays, undos: every row ends up once.

CBI_FAULT_EXAMPLES says how many schedules are tried; each is a random sequence of the rules below.
"""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from support.faults import Fault
from support.function_process import SWEEP
from support.tally import Entry, Tally
from support.world import FIRST_REGIME, Rows, World, rows, rows_of

from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs

EXAMPLES = int(os.environ.get("CBI_FAULT_EXAMPLES", "5"))
STEPS = 14
FEEDS = ("appended", "in_parts", "spliced")
DAYS = (-6, -2, 0, 5)
"""When a file's rows begin, in days from the first regime's; the calendar begins on one of these, too."""

_numbers = count()


@dataclass(frozen=True)
class Dropped:
    """A staged generation and the rows in it; None for a file that cannot be loaded."""

    file: StagedFile
    table: pa.Table | None


class Schedule(RuleBasedStateMachine):
    """One symbol's files, and all that can happen to them."""

    world: World
    entry: Entry

    def __init__(self) -> None:
        super().__init__()
        self.symbol = f"schedule {next(_numbers)}"
        self.prices = count(1)
        self.dropped: list[Dropped] = []
        self.waiting: list[StagedFile] = []
        self.undoing: list[StagedFile] = []
        self.reports: dict[str, int] = {}
        self.world.reset()
        self.world.apply_regimes()

    @rule(
        feed=st.sampled_from(FEEDS),
        name=st.sampled_from("abc"),
        first=st.sampled_from(DAYS),
        size=st.integers(1, 9),
        sound=st.sampled_from([True, True, True, False]),
    )
    def drop(self, feed: str, name: str, first: int, size: int, sound: bool) -> None:
        """Drop a new file, or another over the one of its name."""
        table = rows(self.symbol, size, FIRST_REGIME + timedelta(days=first), price=float(next(self.prices)))
        content = table if sound else pa.concat_tables([table, table])
        file = self.world.drop(feed, f"{self.symbol} {name}", content)
        self.dropped.append(Dropped(file, table if sound else None))
        self.waiting.append(file)

    @precondition(lambda self: self.dropped)
    @rule(data=st.data())
    def drop_the_same_bytes(self, data: st.DataObject) -> None:
        """Drop what was dropped before, under another name."""
        before = data.draw(st.sampled_from(self.dropped))
        if before.table is not None:
            feed = before.file.name.split("/")[1]
            file = self.world.drop(feed, f"{self.symbol} {len(self.dropped)} copy", before.table)
            self.dropped.append(Dropped(file, before.table))
            self.waiting.append(file)

    @precondition(lambda self: self.dropped)
    @rule(data=st.data(), times=st.sampled_from([1, 1, 2, 3]))
    def deliver(self, data: st.DataObject, times: int) -> None:
        """Deliver an event, whether it was before or not, once or several times at once."""
        file = data.draw(st.sampled_from(self.dropped)).file
        with ThreadPoolExecutor(times) as pool:
            acknowledged = any(pool.map(lambda _: self.world.function.deliver(file), range(times)))
        self.acknowledge(file, acknowledged)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), number=st.integers(0, 14), kind=st.sampled_from(["before", "after", "503", "lost"]))
    def deliver_into_a_fault(self, data: st.DataObject, number: int, kind: str) -> None:
        """Deliver an event of which one request fails, or during which the function is killed."""
        file, kill = data.draw(st.sampled_from(self.waiting)), self.world.function.kill
        faults = {
            "before": Fault(then=kill),
            "after": Fault(forward=True, then=kill),
            "503": Fault(status=503),
            "lost": Fault(forward=True),
        }
        self.world.faults.strike(number, faults[kind])
        self.acknowledge(file, self.world.function.deliver(file))
        self.world.faults.clear()
        if not self.world.function.is_running:
            self.world.function.start()

    @rule()
    def restart(self) -> None:
        """Let the function forget its calendar and all else."""
        self.world.function.restart()

    @rule(first=st.sampled_from(DAYS))
    def move_the_calendar(self, first: int) -> None:
        """Let the calendar begin on another day; a running function has the one before for a while."""
        self.world.apply_regimes(FIRST_REGIME + timedelta(days=first))

    @rule()
    def sweep(self) -> None:
        self.world.function.post(SWEEP, {})

    @precondition(lambda self: self.dropped)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """Replay a run, if it has left something behind."""
        self.world.function.run("replay", data.draw(st.sampled_from(self.dropped)).file.run_id)

    @precondition(lambda self: self.reports)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        """Undo a run that has a report."""
        done = [each.file for each in self.dropped if Outputs.report(each.file) in self.reports]
        file = data.draw(st.sampled_from(done))
        if self.world.function.run("undo", file.run_id):
            self.undoing.append(file)

    def acknowledge(self, file: StagedFile, acknowledged: bool) -> None:
        if acknowledged and file in self.waiting:
            self.waiting.remove(file)
        self.check_reports()

    def check_reports(self) -> None:
        """A report stays as it was first written."""
        found: dict[str, int] = {}
        for feed in FEEDS:
            found |= self.world.generations(f"reports/staged/{feed}/{self.symbol} ")
        assert self.reports.items() <= found.items(), "a report was written over or removed"
        self.reports = found

    def teardown(self) -> None:
        """Let every event come once more, and see where each row is."""
        self.entry.schedules += 1
        self.world.faults.clear()
        self.world.function.restart()
        for dropped in self.dropped:
            assert self.world.function.deliver(dropped.file), f"{dropped.file.uri} was refused"
        self.check_reports()
        in_table: dict[str, Rows] = {}
        for feed in FEEDS:
            in_table |= self.world.in_table(feed, self.symbol)
        for dropped in self.dropped:
            self.check_run(dropped, in_table.get(dropped.file.run_id, Rows()))
        everywhere = sum(in_table.values(), Rows())
        assert all(times == 1 for times in everywhere.values()), f"rows twice: {everywhere}"

    def check_run(self, dropped: Dropped, loaded: Rows) -> None:
        """Each row of a file is in the table once, or in its quarantine, or its report says why not."""
        file = dropped.file
        report = self.world.cloud.read_report(file)
        assert report is not None, f"{file.uri} has no report"
        if report["status"] != "success" or file in self.undoing:
            assert loaded == Counter(), f"{file.uri}: {report['status']}, but {loaded} are loaded"
            return
        assert dropped.table is not None, f"{file.uri} should have failed"
        kept = loaded + self.world.quarantined(file)
        assert kept == rows_of(dropped.table), f"{file.uri}: {kept} are kept"


@pytest.fixture
def schedule(world: World, tally: Tally) -> Iterator[type[Schedule]]:
    with tally.entry("random schedules", f"{STEPS} steps each") as entry:
        yield type("RunnableSchedule", (Schedule,), {"world": world, "entry": entry})


def test_every_row_ends_up_once_whatever_happens(schedule: type[Schedule]) -> None:
    run_state_machine_as_test(
        schedule,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize="CBI_FAULT_EXAMPLES" not in os.environ,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
