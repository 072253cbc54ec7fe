"""Whichever request of a run fails, and however it does: delivered again, the run ends as if it had not."""

from collections.abc import Callable, Mapping
from itertools import count

import pytest
from support import command_cases, file_cases
from support.faults import Fault
from support.tally import LONG, Entry, Tally
from support.trial import Trial
from support.world import World

CASES = {**file_cases.CASES, **command_cases.CASES}

FAULTS: Mapping[str, Callable[[World], Fault]] = {
    "killed after": lambda world: Fault(forward=True, then=world.function.kill),
    "killed before": lambda world: Fault(then=world.function.kill),
    "no answer": lambda world: Fault(forward=True),
    "no connection": lambda world: Fault(),
    "403": lambda world: Fault(status=403),
    "429": lambda world: Fault(status=429),
    "500": lambda world: Fault(status=500),
    "503": lambda world: Fault(status=503),
    "503 but done": lambda world: Fault(forward=True, status=503),
}


# A process that is killed after a request is killed before the next one: the one series is most of the other.
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("fault", FAULTS if LONG else ["killed after"])
def test_every_request(world: World, tally: Tally, case: str, fault: str) -> None:
    with tally.entry(case, fault) as entry:
        for number in count():
            world.reset()
            trial = CASES[case](world, f"{case} {fault} {number}")
            if not _interrupt(world, trial, number, FAULTS[fault](world), entry):
                return


def _interrupt(world: World, trial: Trial, number: int, fault: Fault, entry: Entry) -> bool:
    """Let one request fail, deliver again, and look. False where there is no request of that number."""
    world.function.restart()
    world.faults.strike(number, fault)
    acknowledged = trial.act()
    struck = world.faults.seen[number] if len(world.faults.seen) > number else None
    world.faults.clear()
    try:
        assert acknowledged or struck is not None, "it was refused without a fault"
        _check_repeats(world, trial, acknowledged)
    except AssertionError as error:
        entry.violations.append(f"{entry.case}, {entry.done} request {number} ({struck}): {error}")
    entry.schedules += struck is not None
    return struck is not None


def _check_repeats(world: World, trial: Trial, acknowledged: bool) -> None:
    """Deliver to the process that met the fault, or to a new one, and then to one that remembers nothing."""
    reports = world.generations(*trial.reports)
    if acknowledged:
        trial.check()
    for remembers in (True, False):
        if not (remembers and world.function.is_running):
            world.function.restart()
        assert trial.act(), "it was refused when it came again"
        trial.check()
        before, reports = reports, world.generations(*trial.reports)
        assert before.items() <= reports.items(), "a report was written over"
