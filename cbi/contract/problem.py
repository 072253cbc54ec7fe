"""What is wrong with a contract, and where in it."""

from typing import NamedTuple

Path = tuple[str | int, ...]
"""Where a value is in the file: keys of maps and positions in lists, which begin at 0."""


class Problem(NamedTuple):
    """A value that a contract may not have; `text` goes on after the path and says what is wanted there."""

    path: Path
    text: str

    def __str__(self) -> str:
        return f"{dotted(self.path)} {self.text}"


def dotted(path: Path) -> str:
    """A path as a person writes it, such as `schema[3].fields[1].type`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".") or "the file"
