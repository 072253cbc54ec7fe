"""Every interleaving of a few actors, or random ones of more, and what must hold in them."""

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from cbi.gcs.identity import StagedFile
from cbi.runs.protocol.log import fold
from cbi.runs.protocol.requests import Insert, Pending, Wait
from cbi.runs.protocol.step import Step
from cbi.runs.protocol.steps import advance, settle
from simulation.cloud import Cloud, File, Key, SimulatedJob, State, Verdict, enabled, ends, job_key
from simulation.world import REFUSED, Rules, World, begin, request_of, told


@dataclass(frozen=True)
class Case:
    """Actors, each with its script, in a cloud; and what may happen by itself, in this order."""

    files: tuple[tuple[str, File], ...]
    state: State
    scripts: tuple[tuple[Step, ...], ...]
    events: tuple[Key, ...] = ()

    @property
    def cloud(self) -> Cloud:
        return Cloud(dict(self.files))

    def begin(self, faults: int) -> World:
        return World(self.state, tuple(begin(*script) for script in self.scripts), faults, self.events)


@dataclass(frozen=True)
class Explored:
    """How many states there are, in how many of them nobody has anything left to do, and the shortest
    schedule to a violation, if there is one: the last line says what is wrong."""

    states: int
    ends: int
    violation: tuple[str, ...] | None


def explore(case: Case, faults: int) -> Explored:
    """Try every interleaving, breadth first."""
    judge = Judge(case)
    world = case.begin(faults)
    numbers = {world.key(): 0}
    links: list[tuple[int, str] | None] = [None]
    queue, ended = deque([(0, world)]), 0

    def schedule(at: int, *last: str) -> tuple[str, ...]:
        lines = list(last)[::-1]
        while (link := links[at]) is not None:
            at = link[0]
            lines.append(link[1])
        return tuple(lines[::-1])

    while queue:
        here, world = queue.popleft()
        goes_on = False
        for move in judge.rules.moves(world):
            goes_on = goes_on or not move.fault
            key = move.world.key()
            if key in numbers:
                continue
            there = numbers[key] = len(numbers)
            links.append((here, move.name))
            if problem := judge.wrong(move.world.state):
                return Explored(len(numbers), ended, schedule(there, problem))
            queue.append((there, move.world))
        if not any(actor is not None for actor in world.actors):
            ended += 1
            if problem := judge.wrong_at_end(world.state):
                return Explored(len(numbers), ended, schedule(here, problem))
        elif not goes_on:
            return Explored(len(numbers), ended, schedule(here, "nobody can go on"))
    return Explored(len(numbers), ended, None)


def wander(case: Case, faults: int, chance: random.Random) -> tuple[str, ...] | None:
    """Try one random schedule; give it where something is wrong, with what is wrong as its last line."""
    judge, world, names = Judge(case), case.begin(faults), list[str]()
    while any(actor is not None for actor in world.actors):
        every = list(judge.rules.moves(world))
        plain = [move for move in every if not move.fault]
        move = chance.choice(every if chance.random() < 0.15 or not plain else plain)
        world = move.world
        names.append(move.name)
        if problem := judge.wrong(world.state):
            return (*names, problem)
    problem = judge.wrong_at_end(world.state)
    return (*names, problem) if problem else None


class Judge:
    """What must hold."""

    def __init__(self, case: Case) -> None:
        self.cloud = case.cloud
        self.rules = Rules(self.cloud)

    def wrong(self, state: State) -> str | None:
        """What is wrong at this moment."""
        copies: dict[tuple[str, str], int] = {}
        for key, value in state.items():
            if key[0] == "row":
                place = self._content(state, key[1]), key[2]
                copies[place] = copies.get(place, 0) + len(value)
                if copies[place] > 1:
                    return f"row {key[2]} of the bytes {place[0]} is in the table {copies[place]} times"
        return None

    def wrong_at_end(self, state: State) -> str | None:
        """What is wrong once all jobs have ended, time has passed and the sweep has come round."""
        try:
            state = self._swept(state)
        except RecursionError as error:
            return str(error)
        if problem := self.wrong(state):
            return problem
        for key in sorted(key for key in state if key[0] == "staged"):
            if problem := self._wrong_of(state, StagedFile("b", key[1], state[key])):
                return problem
        return next((f"{key} stays" for key in state if key[0] == "pending"), None)

    def _content(self, state: State, run_id: str) -> str:
        for name, kind in self.cloud.files.items():
            for generation in (1, 2):
                if StagedFile("b", name, generation).run_id == run_id:
                    return f"{kind.content}#{generation}" if kind.dedupes else f"{name}#{generation}"
        raise AssertionError(run_id)

    def _wrong_of(self, state: State, file: StagedFile) -> str | None:
        run = fold(self.cloud.log(state, file))
        report: Verdict | None = state.get(("report", file.run_id))
        if report is None:
            return f"{file.name} has no report"
        if run.stage == "undoing" or (run.stage == "loading" and not run.first):
            return f"{file.name} stays {run.stage}"
        table = {key[2]: value for key, value in state.items() if key[:2] == ("row", file.run_id)}
        if len({calendar for loads in table.values() for calendar in loads}) > 1:
            return f"{file.name} has rows of two calendars"
        if run.first:
            loaded, calendar = report.loaded, report.calendar
        else:
            numbers = () if run.plan is None else tuple(range(len(run.plan.parts)))
            there = numbers if run.stage == "done" else tuple(part.number for part in run.loaded)
            loaded = () if run.stage == "undone" else there
            calendar = int(run.plan.inputs_digest) if run.plan else None
        parts = len(run.plan.parts) if run.plan else 0
        expected = {f"r{part}" for part in loaded}
        if calendar and parts - 1 in loaded:
            expected.add("q")
        if table.keys() != expected:
            return (
                f"{file.name} has rows {sorted(table)}, its {run.stage} log or report says {sorted(expected)}"
            )
        if report.success and run.first:
            kept = state.get(("quarantine", file.run_id, report.plan_epoch), ())
            if sorted([*table, *kept]) != sorted({*expected, "q"}):
                return f"{file.name} has {sorted(table)} in the table and {kept} in the quarantine"
        return None

    def _swept(self, state: State) -> State:
        pending = [key for key, job in state.items() if isinstance(job, SimulatedJob) and job.pending]
        for key in pending:
            state = ends(state, key, None)
        files = [
            StagedFile("b", key[1], generation) for key, generation in state.items() if key[0] == "staged"
        ]
        rounds = 6 if any(kind.kills for kind in self.cloud.files.values()) else 3
        for _ in range(rounds):
            state = {**state, ("hours",): state[("hours",)] + 2}
            for file in sorted(files, key=lambda each: each.name):
                if ("report", file.run_id) not in state:
                    state = self.alone(state, Step(advance, (file, None)))
            for pending in [value for value in state.values() if isinstance(value, Pending)]:
                state = self.alone(state, Step(settle, (pending,)))
        return state

    def alone(self, state: State, step: Step, refused: Iterable[int] = ()) -> State:
        """Let one actor go to its end; jobs end well, but inserts of the parts in `refused` are refused."""
        actor = begin(step)
        for _ in range(400):
            if actor is None:
                return state
            request = request_of(actor)
            if self.rules.kills(request):
                return state
            if not enabled(state, request):
                state = ends(state, _waited_for(request), None)
            if _part_of_insert(request) in refused:
                actor = told(actor, REFUSED)
                continue
            state, answer = self.cloud.execute(state, request)
            actor = told(actor, answer)
        raise RecursionError("an actor alone comes to no end")


def _waited_for(request: object) -> Key:
    assert isinstance(request, Wait)
    return job_key(request.job, request.attempt)


def _part_of_insert(request: object) -> int | None:
    return request.job.part if isinstance(request, Insert) else None
