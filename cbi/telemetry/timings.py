"""How long each step of a run took."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cbi.telemetry.tracing import past_span, span

_log = logging.getLogger(__name__)


class Timings(dict[str, float]):
    """Seconds by step, in the order the steps ended."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a block, make it a span of the trace, and log it once it is done."""
        start = time.monotonic()
        with span(name):
            yield
        self._note(name, time.monotonic() - start)

    def add(self, name: str, seconds: float) -> None:
        """Note a step that ends now and was timed elsewhere."""
        past_span(name, seconds)
        self._note(name, seconds)

    def _note(self, name: str, seconds: float) -> None:
        self[name] = round(seconds, 4)
        fields = {"event": "step_done", "step": name, "seconds": self[name]}
        _log.info("%s: %.3f s", name, self[name], extra={"fields": fields})
