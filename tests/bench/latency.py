"""How long the function itself takes over a small file, warm and cold, without what it waits for."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """Seconds of an event: the function's own by step, and those it waited for servers."""

    steps: dict[str, float]
    waited: float

    @property
    def own(self) -> float:
        return sum(self.steps.values())


@dataclass(frozen=True)
class Start:
    """Seconds from the start of a process: until it listened, then until its first event was done."""

    until_listening: float
    first_event: Event

    @property
    def own(self) -> float:
        return self.until_listening + self.first_event.own


@dataclass(frozen=True)
class Latency:
    """The median of many events of a warm function, and the quickest of some cold starts."""

    warm: Event
    cold: Start


def measure_latency(python: str, events: int, starts: int) -> Latency:
    """Let the function run with the interpreter `python`, which has what is deployed and nothing else."""
    command = [sys.executable, "-m", "bench.served_function", python, str(events), str(starts)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    measured = json.loads(done.stdout)
    warm = sorted((Event(**event) for event in measured["warm"]), key=lambda event: event.own)
    cold = min((_start(start) for start in measured["cold"]), key=lambda start: start.own)
    return Latency(warm[len(warm) // 2], cold)


def _start(measured: dict[str, Any]) -> Start:
    return Start(measured["until_listening"], Event(**measured["first_event"]))
