"""How many examples a test tries, where it is not as many as others."""

from hypothesis import settings


def examples(count: int) -> int:
    """`count`, or the part of it that the profile of hypothesis takes of a hundred (10 with `quick`)."""
    return count * settings().max_examples // 100
