"""Random schedules of more actors: who moves is chosen first, and only that is carried out."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from cbi.errors import Fault
from cbi.runs.protocol.requests import Insert, Prepare
from simulation.case import Case
from simulation.cases import random_case
from simulation.cloud import ERRORS, FAILED, REFUSED, Key, SimulatedJob, enabled, job_key
from simulation.judge import Judge
from simulation.live import Live
from simulation.names import brief, describe

FAULTS_OF_AN_ACTOR = ("answer lost", "dies", "400", "fails")


@dataclass(frozen=True)
class Choice:
    """What happens next: an actor moves, a job (by its key) ends, or an event happens (neither)."""

    actor: int | None = None
    job: Key | None = None
    fault: str | Fault | None = None


_MOVES = tuple(Choice(actor=place) for place in range(10))


@dataclass(frozen=True)
class Failure:
    """A schedule in which something is wrong, and what; in words where that was asked for."""

    case: Case
    choices: tuple[Choice, ...]
    problem: str
    lines: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, ...]:
        """Steps, events, faults, and how often it goes from one to another."""
        steps = sum(map(len, self.case.scripts))
        faults = sum(choice.fault is not None for choice in self.choices)
        actors = [choice.actor for choice in self.choices if choice.job is None]
        switches = sum(one != other for one, other in pairwise(actors))
        return steps, len(self.case.events), faults, switches, len(self.choices)

    def in_words(self) -> str:
        """All that happens, a line each; the last says what is wrong."""
        told = Wandering(self.case, in_words=True).again(self.choices)
        assert told is not None
        return "\n".join((*told.lines, told.problem))


class Wandering:
    """A cloud and actors under way in it."""

    def __init__(self, case: Case, *, in_words: bool = False) -> None:
        self._in_words = in_words
        self._case, self._judge = case, Judge(dict(case.files))
        self._state = case.state
        self._actors = [Live(script) for script in case.scripts]
        self._events = list(case.events)
        self._pending: list[Key] = [key for key, job in self._state.items() if _is_pending(job)]
        self._choices: list[Choice] = []
        self._lines: list[str] = []

    def at_random(self, faults: int, chance: random.Random) -> Failure | None:
        """Try one schedule to its end."""
        while possible := self._possible():
            choice, luck = chance.choice(possible), chance.random()
            if self._events and luck < 0.04:
                choice = Choice()
            elif faults and luck > 0.93:
                faults -= 1
                fault = chance.choice(ERRORS) if choice.job else chance.choice(FAULTS_OF_AN_ACTOR)
                choice = replace(choice, fault=fault)
            if problem := self._happens(choice):
                return self._failure(problem)
        problem = self._judge.wrong_at_end(self._state)
        return self._failure(problem) if problem else None

    def again(self, choices: Iterable[Choice]) -> Failure | None:
        """Repeat a schedule as far as it is possible; then each actor goes on to its end, one by one."""
        for choice in choices:
            if self._is_possible(choice) and (problem := self._happens(choice)):
                return self._failure(problem)
        while possible := self._possible():
            jobs = [choice for choice in possible if choice.job]
            if problem := self._happens((jobs or possible)[0]):
                return self._failure(problem)
        problem = self._judge.wrong_at_end(self._state)
        return self._failure(problem) if problem else None

    def _possible(self) -> list[Choice]:
        """All but faults and events; nothing once no actor is left."""
        waiting = [place for place, actor in enumerate(self._actors) if actor.request is not None]
        if not waiting:
            return []
        able = [place for place in waiting if enabled(self._state, self._actors[place].request)]
        return [*(_MOVES[place] for place in able), *(Choice(job=key) for key in self._pending)]

    def _is_possible(self, choice: Choice) -> bool:
        if choice.job:
            return choice.job in self._pending
        if choice.actor is None:
            return bool(self._events)
        request = self._actors[choice.actor].request if choice.actor < len(self._actors) else None
        return request is not None and (choice.fault == "dies" or enabled(self._state, request))

    def _happens(self, choice: Choice) -> str | None:
        self._choices.append(choice)
        if choice.job:
            error = choice.fault if isinstance(choice.fault, Fault) else None
            self._pending.remove(choice.job)
            self._state = self._judge.cloud.ends(self._state, choice.job, error)
            self._say(f"{choice.job} ends: {error.reason if error else 'well'}")
            return self._judge.wrong(self._state)
        if choice.actor is None:
            event = self._events.pop(0)
            self._state = self._judge.cloud.happens(self._state, event)
            self._say(f"event {event}")
            return None
        actor = self._actors[choice.actor]
        request = actor.request
        answer = self._moves(choice.actor, choice.fault)
        if self._in_words and request is not None:
            self._say(f"{choice.actor}: {describe(request)} -> {answer if choice.fault else brief(answer)}")
        return None

    def _say(self, line: str) -> None:
        if self._in_words:
            self._lines.append(line)

    def _moves(self, place: int, fault: str | Fault | None) -> Any:
        actor, cloud = self._actors[place], self._judge.cloud
        request = actor.request
        assert request is not None
        if fault == "dies" or cloud.kills(request):
            actor.die()
            return "dies"
        if fault == "400" and isinstance(request, Insert) and cloud.is_free(self._state, request):
            actor.tell(REFUSED)
            return "400"
        if fault == "fails" and isinstance(request, Prepare):
            actor.tell(FAILED)
            return "fails"
        self._state, answer = cloud.execute(self._state, request, self._case.ahead_of(place))
        if isinstance(request, Insert) and answer == "inserted":
            self._pending.append(job_key(request.job, request.attempt))
        if fault == "answer lost":
            return "answer lost"
        actor.tell(answer)
        return answer

    def _failure(self, problem: str) -> Failure:
        return Failure(self._case, tuple(self._choices), problem, tuple(self._lines))


def _is_pending(value: object) -> bool:
    return isinstance(value, SimulatedJob) and value.pending


def search(seeds: Iterable[int]) -> str | None:
    """Try the schedules of these seeds; the first that fails is given in words, shrunk."""
    for seed in seeds:
        chance = random.Random(seed)
        case = random_case(chance)
        if failure := Wandering(case).at_random(chance.randint(0, 3), chance):
            shrunk = shrink(failure)
            return f"seed {seed}: {shrunk.case}\n{shrunk.in_words()}"
    return None


def shrink(failure: Failure) -> Failure:
    """The same without the actors, steps, events, faults and moves that are not needed for it to fail."""
    smaller: Failure | None = failure
    while smaller:
        failure = smaller
        tries = (Wandering(case).again(choices) for case, choices in _smaller(failure))
        smaller = next((found for found in tries if found and found.size < failure.size), None)
    return failure


def _smaller(failure: Failure) -> Iterable[tuple[Case, tuple[Choice, ...]]]:
    case, choices = failure.case, failure.choices
    scripts = case.scripts
    for place in range(len(scripts)):
        ahead = case.ahead[:place] + case.ahead[place + 1 :]
        without = replace(case, scripts=scripts[:place] + scripts[place + 1 :], ahead=ahead)
        if scripts[place]:
            yield without, tuple(_shifted(choices, place))
        for at in range(len(scripts[place]) if len(scripts[place]) > 1 else 0):
            script = scripts[place][:at] + scripts[place][at + 1 :]
            yield replace(case, scripts=(*scripts[:place], script, *scripts[place + 1 :])), choices
    for at in range(len(case.events)):
        yield replace(case, events=case.events[:at] + case.events[at + 1 :]), choices
    for at, choice in enumerate(choices):
        if choice.fault is not None:
            yield case, (*choices[:at], replace(choice, fault=None), *choices[at + 1 :])
    for length in (16, 4, 1):
        yield from ((case, choices[:at] + choices[at + length :]) for at in range(0, len(choices), length))


def _shifted(choices: Iterable[Choice], gone: int) -> Iterable[Choice]:
    for choice in choices:
        if choice.actor is None or choice.actor < gone:
            yield choice
        elif choice.actor > gone:
            yield replace(choice, actor=choice.actor - 1)
