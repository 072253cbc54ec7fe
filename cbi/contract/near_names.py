"""Names so near to each other that one was perhaps meant by the other."""

import difflib
import re
from collections.abc import Iterable

# Where more names than so many have to be compared with each other, only their letters are.
_MOST_COMPARISONS = 20_000
_SHORTEST_TYPO = 4
_LIKENESS = 0.85


class NearNames:
    """A file's columns by what is left of their names without case and signs; fields of STRUCTs by path."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_letters: dict[str, str] = {}
        for name in names:
            self._by_letters.setdefault(_letters(name), name)
            self._by_letters.setdefault(_letters(name.rpartition(".")[2]), name)

    def find(self, name: str, of: int = 1) -> str | None:
        """The column that is perhaps meant by a name, one `of` so many.

        That has the same letters and digits, or, but for a letter or two, the same letters and just the same
        digits: P1 is no other word for P2.
        """
        letters = _letters(name)
        if found := self._by_letters.get(letters):
            return found
        if len(letters) < _SHORTEST_TYPO or of * len(self._by_letters) > _MOST_COMPARISONS:
            return None
        alike = [other for other in self._by_letters if _digits(other) == _digits(letters)]
        close = difflib.get_close_matches(letters, alike, n=1, cutoff=_LIKENESS)
        return self._by_letters[close[0]] if close else None


def _letters(name: str) -> str:
    """A name without case and signs; one of signs alone as it is."""
    return re.sub(r"[\W_]+", "", name).casefold() or name


def _digits(name: str) -> list[str]:
    return re.findall(r"\d+", name)
