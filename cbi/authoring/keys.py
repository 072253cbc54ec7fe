"""Which columns tell a file's rows apart, which is the date among them, and what to cluster by."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from cbi.authoring.column_guess import ColumnGuess
from cbi.checks.duplicates import find_duplicates_by_key

_KEY_NAME = re.compile(
    r"symbol|ticker|instrument|contract|asset|isin|cusip|figi|sedol|ric|code|exchange|venue|market|country"
    r"|account|(^|_)(id|key|sym|name)($|_)",
    re.IGNORECASE,
)
_UNIQUE_ID = re.compile(r"uuid|guid|hash|row_?(id|num)", re.IGNORECASE)

# How many columns are tried, which bounds the tests to a few hundred.
_MOST_CANDIDATES = 10
_LONGEST_KEY = 3

# Fewer distinct values than a row in so many have: rows of one value lie together where a table is clustered.
_FEW = 20


@dataclass(frozen=True)
class Key:
    """Columns of the file: the key, the date, and those to cluster by.

    `duplicates` rows share their key with another. `day_of` is a time whose day is a column besides, where it
    is needed whole to tell rows apart.
    """

    columns: tuple[str, ...]
    date: str | None
    cluster_by: tuple[str, ...]
    duplicates: int
    day_of: str | None = None


def date_candidates(guesses: Mapping[str, ColumnGuess]) -> list[str]:
    """The columns that may say which day a row belongs to, the likeliest first."""
    found = [guess for guess in guesses.values() if guess.days and guess.values and not guess.nulls]
    return [guess.name for guess in sorted(found, key=_date_rank)]


def _date_rank(guess: ColumnGuess) -> tuple[bool, int]:
    name = guess.name.lower()
    hints = ("data_date", "trade_date", "trading_day", "date", "day")
    exact = next((number for number, hint in enumerate(hints) if name == hint), len(hints))
    unnamed = exact == len(hints) and not re.search("date|day", name)
    return guess.days[0].times.as_date, exact + unnamed


def key_candidates(guesses: Mapping[str, ColumnGuess], date: str | None) -> list[str]:
    """The columns without NULLs that may be part of a key, the likeliest first, the date apart."""
    found = [
        guess.name
        for guess in guesses.values()
        if guess.name != date
        and guess.best
        and guess.best.type in ("STRING", "INT64", "DATE", "TIMESTAMP")
        and not guess.nulls
    ]
    return sorted(found, key=lambda name: _key_rank(guesses[name]))[:_MOST_CANDIDATES]


def _key_rank(guess: ColumnGuess) -> tuple[bool, bool, int]:
    assert guess.best is not None
    hinted = _KEY_NAME.search(guess.name) is not None
    order = ("STRING", "DATE", "TIMESTAMP", "INT64").index(guess.best.type)
    return _UNIQUE_ID.search(guess.name) is not None, not hinted, order


def guess_key(table: pa.Table, candidates: Sequence[str], date: str | None) -> Key:
    """Find the columns that no two rows share, the likeliest first.

    `table` has the candidates and the date of all rows, in the contract's types; those with NULLs are left.
    """
    usable = [name for name in candidates if not table[name].null_count]
    tried = list(_combinations(table, usable, date))
    for columns in tried:
        if find_duplicates_by_key(table, columns).is_valid:
            return Key(columns, date, cluster(table, columns, date), 0)
    best = tried[0] if tried else ()
    count = find_duplicates_by_key(table, best).duplicate_count if best else 0
    return Key(best, date, cluster(table, best, date), count)


def _combinations(table: pa.Table, usable: Sequence[str], date: str | None) -> Iterator[tuple[str, ...]]:
    """Keys to try: what is named like one with the date, then ever more columns, then whatever is unique."""
    dated = (date,) if date else ()
    named = [name for name in usable if _KEY_NAME.search(name) and not _UNIQUE_ID.search(name)]
    named = [name for name in named if types.is_string(table[name].type) or types.is_int64(table[name].type)]
    if dated:
        for size in range(1, _LONGEST_KEY):
            yield from ((*columns, *dated) for columns in combinations(named, size))
        yield dated
        for size in range(1, _LONGEST_KEY):
            yield from ((*columns, *dated) for columns in combinations(usable, size))
    for size in range(1, _LONGEST_KEY + 1):
        yield from combinations(usable, size)


def cluster(table: pa.Table, key: Sequence[str], date: str | None) -> tuple[str, ...]:
    """The key's columns of few values, the fewest first; times are none to cluster by."""
    names = [name for name in key if name != date and not types.is_temporal(table[name].type)]
    few = {name: pc.count_distinct(table[name]).as_py() for name in names}
    chosen = [name for name, distinct in few.items() if distinct * _FEW <= max(len(table), _FEW)]
    return tuple(sorted(chosen, key=lambda name: few[name]))[:4]
