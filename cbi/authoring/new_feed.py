"""A contract made from files: `feed new`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from cbi.authoring.column_guess import ColumnGuess
from cbi.authoring.comments import about_column
from cbi.authoring.computed import computed_leaves
from cbi.authoring.contract_text import comment_lines, listed, quoted, schema_lines
from cbi.authoring.keys import Key, cluster, date_candidates, guess_key, key_candidates
from cbi.authoring.layout import DraftColumn, DraftField, lay_out
from cbi.authoring.names import Names
from cbi.authoring.profile import Files, guess_columns, read_cast
from cbi.checks.duplicates import find_duplicates_by_key
from cbi.contract.parse import parse_text
from cbi.errors import Misconfigured
from cbi.findings import RegimeCoverage
from cbi.lookups.regime_calendar import RegimeCalendar

_SHOWN_FILES = 5


@dataclass(frozen=True)
class Wishes:
    """What is not to be guessed. `key` and `partition_by` name columns of the file."""

    table: str
    key: tuple[str, ...] = ()
    partition_by: str | None = None
    flat: bool = False


@dataclass(frozen=True)
class NewFeed:
    """A contract's text, and what its author should know before using it."""

    text: str
    warnings: tuple[str, ...]


def make_feed(paths: Sequence[Path], wishes: Wishes, calendar: RegimeCalendar) -> NewFeed:
    """Make a contract of the files' columns, so that those files can be loaded with it.

    Raises InvalidFile for a file that is not parquet, Misconfigured where the wishes do not fit the files.
    """
    files = Files.open(paths)
    guesses = guess_columns(files, () if wishes.partition_by is None else (wishes.partition_by,))
    _refuse_unknown(wishes, guesses)
    loaded = {name: guess for name, guess in guesses.items() if guess.best}
    key, table = _find_key(files, loaded, wishes)
    if not key.columns:
        wanted = "name columns without NULLs by --key that tell the rows apart"
        raise Misconfigured(f"no column of the files may be a key; {wanted}")
    draft = _Draft(files, guesses, key, table, wishes, calendar)
    feed = NewFeed(draft.text(), tuple(draft.warnings()))
    parse_text("new", feed.text.encode(), "the new contract")
    return feed


def _refuse_unknown(wishes: Wishes, guesses: Mapping[str, ColumnGuess]) -> None:
    for option, names in (("--key", wishes.key), ("--partition-by", [wishes.partition_by or ""])):
        for name in filter(None, names):
            if name not in guesses:
                raise Misconfigured(f"{option} names {name!r}, which no file has; it must be a file's column")
            if guesses[name].best is None:
                found = ", ".join(map(str, guesses[name].found))
                raise Misconfigured(f"{option} names {name!r}, which is {found} and cannot be loaded")
    if wishes.partition_by is not None and not guesses[wishes.partition_by].days:
        raise Misconfigured(f"--partition-by names {wishes.partition_by!r}, whose values are no dates")


def _find_key(files: Files, guesses: Mapping[str, ColumnGuess], wishes: Wishes) -> tuple[Key, pa.Table]:
    """The key and the table of its columns. The date's column gets the choice of its day."""
    date = wishes.partition_by or next(iter(date_candidates(guesses)), None)
    key, table = _try_key(files, guesses, wishes, date)
    if key.duplicates and date is not None and wishes.partition_by is None:
        # Where times of day tell rows apart, their column is loaded as it is, and its day besides.
        other, other_table = _try_key(files, guesses, wishes, None)
        if not other.duplicates:
            return replace(other, day_of=date), other_table
    if date is not None:
        guesses[date].choices.insert(0, guesses[date].days[0])
    return key, table


def _try_key(
    files: Files, guesses: Mapping[str, ColumnGuess], wishes: Wishes, date: str | None
) -> tuple[Key, pa.Table]:
    candidates = list(wishes.key) or key_candidates(guesses, date)
    choices = {name: guesses[name].choices[0] for name in candidates}
    if date is not None:
        choices[date] = guesses[date].days[0]
    table = read_cast(files, choices)
    if not wishes.key:
        return guess_key(table, candidates, date), table
    duplicates = find_duplicates_by_key(table, wishes.key).duplicate_count
    return Key(wishes.key, date, cluster(table, wishes.key, date), duplicates), table


def _given(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


@dataclass(frozen=True)
class _Draft:
    """What a new contract is written from. `key_table` has the key and the date of all rows."""

    files: Files
    guesses: Mapping[str, ColumnGuess]
    key: Key
    key_table: pa.Table
    wishes: Wishes
    calendar: RegimeCalendar

    @property
    def required(self) -> tuple[str, ...]:
        """The key and the date."""
        return tuple(dict.fromkeys([*self.key.columns, *_given(self.key.date)]))

    def text(self) -> str:
        names = Names()
        fields = lay_out(list(self._columns()), names, self.wishes.flat)
        coverage = self._coverage()
        computed, enrich = computed_leaves(
            names, with_regime=not (coverage is None or coverage.missing_dates)
        )
        day = self._day(names)
        partition_by = None if day is None else day.name
        by_source = {field.source or field.name: field.name for field in fields if not field.fields}
        lines = [
            *comment_lines(self._heading()),
            "",
            f"table: {quoted(self.wishes.table)}",
            f"# {self._about_key()}",
            f"key: {listed(self.key.columns)}",
        ]
        if self.key.date is not None:
            partition_by = by_source[self.key.date]
        if partition_by is not None:
            lines.append(f"partition_by: {partition_by}")
        if self.key.cluster_by:
            lines.append(f"cluster_by: {listed(by_source[name] for name in self.key.cluster_by)}")
        lines += ["", "# Leaves that are computed.", "enrich:"]
        lines += [f"  {path}: {kind}" for path, kind in enrich.items()]
        if coverage is not None and coverage.missing_dates:
            lines.append(
                f"  # No regime: {len(coverage.missing_dates):,} of {coverage.total_dates:,} dates have none,"
                " and their rows would be quarantined."
            )
        lines += ["", "schema:", *schema_lines([*fields, *([day] if day else []), *computed])]
        if left_out := list(self._left_out()):
            lines += ["", "# Not loaded:", *comment_lines("\n".join(left_out))]
        return "\n".join(lines) + "\n"

    def warnings(self) -> Iterator[str]:
        if not self.files.rows:
            yield "the files have no rows, so the key and the types are guessed by the columns alone"
        if self.key.duplicates:
            yield (
                f"{self.key.duplicates:,} rows share their key ({', '.join(self.key.columns)}) with another,"
                " for which a file is refused: leave them out, or say by --key what tells rows apart"
            )
        for name in self.required:
            if nulls := self.key_table[name].null_count:
                yield f"{name} is REQUIRED, and NULL in {nulls:,} rows, for which a file is refused"
        yield from (f"not loaded: {sentence}" for sentence in self._left_out())

    def _columns(self) -> Iterator[DraftColumn]:
        structs = self.files.structs()
        for name in dict.fromkeys([*self.required, *self.guesses]):
            guess, required = self.guesses[name], name in self.required
            if guess.best is not None:
                comment = about_column(guess)
                yield DraftColumn(name, guess.best, required, required, comment, structs.get(name))

    def _heading(self) -> str:
        names = ", ".join(path.name for path in self.files.paths[:_SHOWN_FILES])
        more = len(self.files.paths) - _SHOWN_FILES
        return (
            f"Made by `python -m cbi feed new` from {names}{f' and {more:,} more' if more > 0 else ''}:"
            f" {self.files.rows:,} rows.\n"
            "The key, the date, STRUCTs and types of text are guesses: read them before the first load."
        )

    def _about_key(self) -> str:
        if self.key.duplicates:
            return f"Not a key yet: {self.key.duplicates:,} rows share it with another."
        asked = "Asked for" if self.wishes.key else "Guessed"
        return f"{asked}: no two of the {self.files.rows:,} rows share it."

    def _coverage(self) -> RegimeCoverage | None:
        """Which of the dates have a regime; None without dates."""
        if self.key.day_of is not None:
            days = read_cast(self.files, {self.key.day_of: self.guesses[self.key.day_of].days[0]})
            return self.calendar.validate_date_coverage(days[self.key.day_of])
        if self.key.date is None:
            return None
        return self.calendar.validate_date_coverage(self.key_table[self.key.date])

    def _day(self, names: Names) -> DraftField | None:
        """The field for the day of a time that is loaded as it is."""
        if self.key.day_of is None:
            return None
        choice = self.guesses[self.key.day_of].days[0]
        comment = "The day of each time; `timezone` says whose day it is where that is another."
        return DraftField(names.legal("day"), choice, True, self.key.day_of, comment)

    def _left_out(self) -> Iterator[str]:
        for name, guess in self.guesses.items():
            if guess.best is None:
                yield f"{name!r} is {' and '.join(map(str, guess.found))}, which no column of a table can be"
        for name in dict.fromkeys(self.files.twice()):
            yield f"{name!r} is there more than once in a file; write it once"
