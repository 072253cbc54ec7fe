"""Who is to meet, and where."""

from dataclasses import dataclass

from cbi.runs.protocol.step import Step
from simulation.cloud import File, Key, State


@dataclass(frozen=True)
class Case:
    """Actors, each with its script, in a cloud; and what may happen by itself, in this order.

    `ahead`: by how many hours each actor's clock is. A `quick` one has
    few enough states to be explored by `make test`.
    """

    files: tuple[tuple[str, File], ...]
    state: State
    scripts: tuple[tuple[Step, ...], ...]
    events: tuple[Key, ...] = ()
    quick: bool = False
    ahead: tuple[int, ...] = ()

    def ahead_of(self, actor: int) -> int:
        """By how many hours an actor's clock is ahead."""
        return self.ahead[actor] if actor < len(self.ahead) else 0
