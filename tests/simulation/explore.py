"""Every interleaving of a few actors."""

from collections import deque
from collections.abc import Iterable, Sequence
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
    before: list[list[int]] = [[]]  # from where a state is come to without a fault
    queue, ended = deque([(0, world)]), list[int]()

    def schedule(at: int, *last: str) -> tuple[str, ...]:
        lines = list(last)[::-1]
        while (link := links[at]) is not None:
            at = link[0]
            lines.append(link[1])
        return tuple(lines[::-1])

    while queue:
        here, world = queue.popleft()
        for move in rules.moves(world):
            key = move.world.key()
            known = numbers.get(key)
            if known is not None:
                if not move.fault:
                    before[known].append(here)
                continue
            there = numbers[key] = len(numbers)
            before.append([] if move.fault else [here])
            links.append((here, move.name))
            if move.ends_a_job and (problem := judge.wrong(move.world.state)):
                return Explored(len(numbers), len(ended), schedule(there, problem))
            queue.append((there, move.world))
        if not any(actor is not None for actor in world.actors):
            ended.append(here)
            if problem := judge.wrong_at_end(world.state):
                return Explored(len(numbers), len(ended), schedule(here, problem))
    lost = _first_without_end(before, ended)
    if lost is not None:
        return Explored(len(numbers), len(ended), schedule(lost, "from here on nobody comes to an end"))
    return Explored(len(numbers), len(ended), None)


def _first_without_end(before: Sequence[Sequence[int]], ended: Iterable[int]) -> int | None:
    """The first state from which no end can be reached by what happens without faults."""
    reached = bytearray(len(before))
    todo = list(ended)
    while todo:
        here = todo.pop()
        if not reached[here]:
            reached[here] = True
            todo.extend(before[here])
    lost = reached.find(False)
    return None if lost < 0 else lost
