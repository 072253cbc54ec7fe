"""The column that was perhaps meant by a name that is not known."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that differs from a name only in case, or is close to it, or begins with it."""
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    lower = name.lower()
    if lower in by_lower:
        return by_lower[lower]
    # Below five letters a common beginning says little: P is no abbreviation of provenance.
    longer = [
        candidate
        for candidate in by_lower
        if min(len(lower), len(candidate)) >= 5
        and (candidate.startswith(lower) or lower.startswith(candidate))
    ]
    close = longer or difflib.get_close_matches(lower, by_lower, n=1, cutoff=0.8)
    return by_lower[close[0]] if close else None
