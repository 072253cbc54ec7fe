"""How many examples a test tries, where it is not as many as others."""

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")


def examples(count: int) -> int:
    """`count`, or the part of it that the profile of hypothesis takes of a hundred (10 with `quick`)."""
    return count * settings().max_examples // 100


def some_of(cases: Sequence[T]) -> Sequence[T]:
    """All cases, or that part of them, evenly spread (every tenth with `quick`)."""
    return cases[:: max(1, 100 // settings().max_examples)]
