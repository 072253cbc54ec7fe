"""An actor as it goes along: its steps as generators, under way."""

from collections.abc import Generator
from typing import Any

from cbi.errors import CbiError
from cbi.runs.protocol.requests import Request
from cbi.runs.protocol.step import Step, Steps


def answered(steps: Generator[Request, Any, Step | None], answer: Any) -> Request:
    """The next request of a step that has had an answer, or had an error thrown into it."""
    return steps.throw(answer) if isinstance(answer, CbiError) else steps.send(answer)


class Live:
    """Somebody who takes the steps of a script one after the other, and what follows from each."""

    def __init__(self, script: tuple[Step, ...]) -> None:
        self._later = list(script)
        self._steps: Steps | None = None
        self.request: Request | None = None
        self._next(None)

    def tell(self, answer: Any) -> None:
        """Go on to the next request; it is None once there is nothing more to do."""
        try:
            assert self._steps is not None
            self.request = answered(self._steps, answer)
        except StopIteration as end:
            self._next(end.value)
        except CbiError:
            self._next(None)

    def die(self) -> None:
        """End here, and never go on."""
        self.request, self._later = None, []

    def _next(self, step: Step | None) -> None:
        while step is not None or self._later:
            step = step or self._later.pop(0)
            self._steps = step.begin()
            try:
                self.request = next(self._steps)
            except StopIteration as end:
                step = end.value
            except CbiError:
                step = None
            else:
                return
        self.request = None
