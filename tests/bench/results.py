"""All that was measured."""

from dataclasses import dataclass

from bench.contest import Contest
from bench.growth import Growth
from bench.imports import Imports
from bench.latency import Latency
from bench.machine import Machine


@dataclass(frozen=True)
class Results:
    """The contests are in order of their files' rows."""

    machine: Machine
    repeats: int
    contests: tuple[Contest, ...]
    growths: tuple[Growth, ...]
    latency: Latency
    imports: Imports

    @property
    def largest(self) -> Contest:
        return self.contests[-1]
