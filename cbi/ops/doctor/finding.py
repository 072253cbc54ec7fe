"""What a check of a deployment says."""

from dataclasses import dataclass
from typing import Literal

Mark = Literal["ok", "warning", "red", "unknown"]
"""`warning` is well for now; of what is `unknown` nothing can be told here, which is neither good nor bad."""


@dataclass(frozen=True)
class Finding:
    """A line: its mark, what was found, and where that is not well what to run, in backquotes."""

    mark: Mark
    found: str
    fix: str | None = None


def first_few(sentences: list[str], limit: int = 4) -> str:
    """Sentences in one line, and how many were left out."""
    more = len(sentences) - limit
    return "; ".join([*sentences[:limit], *([f"and {more:,} more"] if more > 0 else [])])
