"""Whichever request of a run fails, and however it does: delivered again, the run ends as if it had not.

`make faults` lets each request of each case fail in each way. `make test` has a sample of them: a process
that dies after each kind of write, each kind of read failing in one of the other ways, some of each case.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import count, cycle, product

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

Kind = tuple[str, int]
"""A request without the names of runs and files, and how many of those came before it in its run."""


@pytest.mark.parametrize(("case", "fault"), [*product(CASES, FAULTS)] if LONG else [])
def test_every_request(world: World, tally: Tally, case: str, fault: str) -> None:
    with tally.entry(case, fault) as entry:
        for number in count():
            world.reset()
            trial = CASES[case](world, f"{case} {fault} {number}")
            world.function.restart()
            world.faults.strike(number, FAULTS[fault](world))
            if not _interrupt(world, trial, entry):
                return


@pytest.mark.skipif(LONG, reason="all of them are tried")
def test_each_kind_of_request(world: World, tally: Tally) -> None:
    """Of each case those that no case before it has, and the one in the middle of what it writes."""
    tried, names = set[Kind](), count()
    others = cycle(fault for fault in FAULTS if fault != "killed after")
    for case in CASES:
        with tally.entry(case, "a sample") as entry:
            kinds = dict.fromkeys(_kinds(_undisturbed(world, case)))
            writes = [kind for kind in kinds if not _is_read(kind)]
            for kind in kinds:
                if kind not in tried or kind == writes[len(writes) // 2]:
                    fault = next(others) if _is_read(kind) else "killed after"
                    world.reset()
                    trial = CASES[case](world, f"{case} {next(names)}")
                    world.function.restart()
                    _strike(world, kind, FAULTS[fault](world))
                    assert _interrupt(world, trial, entry), f"{case}: {kind} was not asked for again"
                    tried.add(kind)


def _undisturbed(world: World, case: str) -> list[str]:
    """The requests of a case that nothing happens to."""
    world.reset()
    trial = CASES[case](world, f"{case} undisturbed")
    world.function.restart()
    world.faults.clear()
    assert trial.act()
    seen = world.faults.seen.copy()
    trial.check()
    return seen


def _kinds(requests: list[str]) -> Iterator[Kind]:
    before = Counter[str]()
    for request in requests:
        shape = _shape(request)
        yield shape, 0 if shape.startswith("GET") else before[shape]
        before[shape] += 1


def _shape(request: str) -> str:
    """Of an object's name the first folder, and nothing that has a digit."""
    path, _, _ = request.partition("?")
    words = (word.partition("%2F")[0] for word in path.split("/"))
    return "/".join("#" if any(map(str.isdigit, word)) else word for word in words)


def _is_read(kind: Kind) -> bool:
    return kind[0].startswith("GET")


def _strike(world: World, kind: Kind, fault: Fault) -> None:
    """Let just the first request of a kind meet a fault."""

    def decide(number: int, _: str) -> Fault | None:
        *before, this = _kinds(world.faults.seen)
        return fault if this == kind and kind not in before else None

    world.faults.plan(decide)


def _interrupt(world: World, trial: Trial, entry: Entry) -> bool:
    """Let the planned request fail, deliver again, and look. False where there was no such request."""
    acknowledged = trial.act()
    struck = world.faults.struck
    world.faults.clear()
    try:
        assert acknowledged or struck is not None, "it was refused without a fault"
        _check_repeats(world, trial, acknowledged)
    except AssertionError as error:
        entry.violations.append(f"{entry.case}, {entry.done} request {struck}: {error}")
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
