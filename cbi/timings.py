"""How long each step of a run took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timings(dict[str, float]):
    """Seconds by step, in the order the steps ended."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a block, also when it ends by an exception."""
        start = time.monotonic()
        try:
            yield
        finally:
            self[name] = round(time.monotonic() - start, 4)
