"""A state of the cloud and the actors in it, and all that can happen next."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from cbi.errors import CbiError
from cbi.runs.protocol.requests import Insert, Pause, Prepare, Request
from cbi.runs.protocol.step import Step
from simulation.case import Case
from simulation.cloud import ERRORS, FAILED, REFUSED, Cloud, Key, SimulatedJob, State, enabled
from simulation.live import answered
from simulation.names import brief, describe


class Interned:
    """Equal values as one object each: hashed once, and from then on compared by a number."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[int, int] = {}
        self.values: list[Any] = []

    def number(self, value: Hashable) -> int:
        known = self._known.get(id(value))
        if known is not None:
            return known
        typed = (type(value), value)  # else False would be 0
        found = self._numbers.get(typed)
        if found is None:
            found = self._numbers[typed] = len(self.values)
            self.values.append(value)
            self._known[id(value)] = found  # kept alive by the list, so the id stays its own
        return found

    def one(self, value: Any) -> Any:
        """The object that stands for all equal ones."""
        return self.values[self.number(value)]


_VALUES = Interned()
_ACTORS = Interned()
_PLACES = Interned()


@dataclass(frozen=True)
class Actor:
    """Somebody in a step, after these answers; then come the others of its script. Values are by number."""

    script: tuple[int, ...]
    step: int
    answers: tuple[int, ...]


class Ended(Exception):
    """An actor has nothing more to do."""


@lru_cache(maxsize=1 << 20)
def request_of(number: int) -> Any:
    """What an actor does next: a Request, or the Step that comes after its own, or None."""
    actor: Actor = _ACTORS.values[number]
    step: Step = _VALUES.values[actor.step]
    steps = step.begin()
    try:
        request = next(steps)
        for answer in actor.answers:
            request = answered(steps, _VALUES.values[answer])
    except StopIteration as end:
        return end.value
    except CbiError:
        return None
    return request


def begin(*script: Step) -> int | None:
    """An actor that takes these steps one after the other, and what follows from each."""
    first, *later = script
    numbers = tuple(map(_VALUES.number, later))
    return _settle(Actor(numbers, _VALUES.number(first), ()))


def told(number: int, answer: Hashable) -> int | None:
    """An actor that has had an answer."""
    actor: Actor = _ACTORS.values[number]
    return _settle(replace(actor, answers=(*actor.answers, _VALUES.number(answer))))


def _settle(actor: Actor) -> int | None:
    while True:
        number = _ACTORS.number(actor)
        request = request_of(number)
        if isinstance(request, Step):
            actor = Actor(actor.script, _VALUES.number(request), ())
        elif request is not None:
            return number
        elif actor.script:
            actor = Actor(actor.script[1:], actor.script[0], ())
        else:
            return None


@dataclass(frozen=True)
class World:
    """`faults` may still happen, and `events` by themselves, in this order."""

    state: State
    actors: tuple[int | None, ...]
    faults: int
    events: tuple[Key, ...]

    def key(self) -> Hashable:
        state = frozenset(_PLACES.number((key, _VALUES.number(value))) for key, value in self.state.items())
        return state, self.actors, self.faults, self.events


@dataclass(frozen=True)
class Move:
    """Something that happens, and the world after it."""

    name: str
    world: World
    fault: bool = False
    ends_a_job: bool = False


class Rules:
    """What may happen in a world."""

    def __init__(self, cloud: Cloud, case: Case) -> None:
        self.cloud, self._case = cloud, case

    def moves(self, world: World) -> Iterator[Move]:
        """All that can happen next."""
        for place, actor in enumerate(world.actors):
            if actor is not None:
                yield from self._moves_of(world, place, actor)
        for key, job in world.state.items():
            if isinstance(job, SimulatedJob) and job.pending:
                after = replace(world, state=self.cloud.ends(world.state, key, None))
                yield Move(f"{key} ends well", after, ends_a_job=True)
                for error in ERRORS if world.faults else ():
                    after = replace(
                        world, state=self.cloud.ends(world.state, key, error), faults=world.faults - 1
                    )
                    yield Move(f"{key} ends: {error.reason}", after, fault=True)
        if world.events:
            event, *later = world.events
            state = self.cloud.happens(world.state, event)
            yield Move(f"event {event}", replace(world, state=state, events=tuple(later)), fault=True)

    def _moves_of(self, world: World, place: int, actor: int) -> Iterator[Move]:
        state, faults = world.state, world.faults
        request: Request = request_of(actor)

        def after(next_actor: int | None, into: State, cost: int = 0) -> World:
            actors = (*world.actors[:place], next_actor, *world.actors[place + 1 :])
            return World(into, actors, faults - cost, world.events)

        name = f"{place}: {describe(request)}"
        if self.cloud.kills(request):
            yield Move(f"{name} -> KILLED", after(None, state))
        elif enabled(state, request):
            into, answer = self.cloud.execute(state, request, self._case.ahead_of(place))
            into = state if into is state else {key: _VALUES.one(value) for key, value in into.items()}
            yield Move(f"{name} -> {brief(answer)}", after(told(actor, answer), into))
            if faults and into is not state:
                yield Move(f"{name} -> answer lost", after(actor, into, 1), fault=True)
        if isinstance(request, Pause):
            yield Move(f"{name} -> was long enough", after(told(actor, None), state))
        if faults:
            yield Move(f"{name} -> dies before", after(None, state, 1), fault=True)
            if isinstance(request, Insert) and self.cloud.is_free(state, request):
                yield Move(f"{name} -> 400", after(told(actor, REFUSED), state, 1), fault=True)
            if isinstance(request, Prepare):
                yield Move(f"{name} -> fails", after(told(actor, FAILED), state, 1), fault=True)


def forget_actors() -> None:
    """Forget what actors do next: the code of their steps is about to change."""
    request_of.cache_clear()
