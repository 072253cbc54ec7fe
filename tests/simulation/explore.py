"""Every interleaving of a few actors."""

from collections import deque
from dataclasses import dataclass

from simulation.case import Case
from simulation.judge import Judge
from simulation.world import Rules, World, begin


@dataclass(frozen=True)
class Explored:
    """How many states there are, in how many of them nobody has anything left to do, and the shortest
    schedule to a violation, if there is one: the last line says what is wrong."""

    states: int
    ends: int
    violation: tuple[str, ...] | None


def explore(case: Case, faults: int) -> Explored:
    """Try every interleaving, breadth first."""
    judge = Judge(dict(case.files))
    rules = Rules(judge.cloud, case)
    world = World(case.state, tuple(begin(*script) for script in case.scripts), faults, case.events)
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
        for move in rules.moves(world):
            goes_on = goes_on or not move.fault
            key = move.world.key()
            if key in numbers:
                continue
            there = numbers[key] = len(numbers)
            links.append((here, move.name))
            if move.ends_a_job and (problem := judge.wrong(move.world.state)):
                return Explored(len(numbers), ended, schedule(there, problem))
            queue.append((there, move.world))
        if not any(actor is not None for actor in world.actors):
            ended += 1
            if problem := judge.wrong_at_end(world.state):
                return Explored(len(numbers), ended, schedule(here, problem))
        elif not goes_on:
            return Explored(len(numbers), ended, schedule(here, "nobody can go on"))
    return Explored(len(numbers), ended, None)
