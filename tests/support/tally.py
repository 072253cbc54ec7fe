"""The table of what was tried: what was done to which case how often, and what came of it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LONG = os.environ.get("CBI_FAULTS") == "long"
"""Whether to try all there is to try, as `make faults` does; otherwise a part of it that takes minutes."""


@dataclass
class Entry:
    """What was done to one case; `violations` say what did not hold, one sentence each."""

    case: str
    done: str
    schedules: int = 0
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Tally(list[Entry]):
    """All that was tried in this session."""

    @contextmanager
    def entry(self, case: str, done: str) -> Iterator[Entry]:
        """Take note of a case, and fail with what was violated in it."""
        entry = Entry(case, done)
        self.append(entry)
        start = time.monotonic()
        try:
            yield entry
        finally:
            entry.seconds = time.monotonic() - start
        assert not entry.violations, "\n".join(entry.violations)

    def as_markdown(self) -> str:
        """A table with a line for each case, and one for all of them."""
        lines = ["| case | what was done to it | schedules | violations | seconds |", "|---|---|--:|--:|--:|"]
        for case in dict.fromkeys(entry.case for entry in self):
            entries = [entry for entry in self if entry.case == case]
            done = [entry.done for entry in entries]
            lines.append(
                _line(case, ", ".join(done) if len(done) < 4 else f"{len(done)} kinds of faults", entries)
            )
        return "\n".join([*lines, _line("all", "", self), ""])


def _line(case: str, done: str, entries: list[Entry]) -> str:
    schedules = sum(entry.schedules for entry in entries)
    violations = sum(len(entry.violations) for entry in entries)
    seconds = sum(entry.seconds for entry in entries)
    return f"| {case} | {done} | {schedules:,} | {violations} | {seconds:.0f} |"
