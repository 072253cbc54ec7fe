"""The checks a file must pass before anything of it is loaded: Arrow in, findings out."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from cbi.checks.duplicates import find_duplicates
from cbi.contract.casts import Cast, UnsafeCast, count_cut, find_cast
from cbi.contract.feed import Feed
from cbi.findings import ColumnTypeError, ColumnTypes, DateRange, Duplicates, RequiredFields

Batches = Callable[[Sequence[str], Sequence[str]], Iterator[pa.RecordBatch]]
"""Reads the named columns of a file from its beginning, a record batch at a time; text columns that are named
once more come as dictionaries."""


@dataclass(frozen=True)
class FooterStatistics:
    """What a file's footer proves: the columns whose casts are safe, and how many NULLs columns have."""

    casts: frozenset[str] = frozenset()
    nulls: Mapping[str, int] = field(default_factory=dict)


NO_STATISTICS = FooterStatistics()

_SHORT_CODES = 1 << 15


@dataclass(frozen=True)
class ColumnScan:
    """What one pass over the columns that must be looked at found.

    `required` holds the required columns that could be cast, in the contract's types (text as dictionaries
    that differ from chunk to chunk), one row for each row of the file.
    """

    types: ColumnTypes
    required: pa.Table
    warnings: tuple[str, ...]


class DataQualityChecker:
    """Checks files against a feed's contract. Columns are named as in the file."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed

    def casts(self, schema: pa.Schema) -> dict[str, Cast]:
        """How each column of a file that the contract knows gets the contract's type, where it can."""
        found = {name: schema.field(name).type for name in self.feed.sources if _occurs(schema, name) == 1}
        casts = {name: find_cast(kind, self.feed.sources[name].field.type) for name, kind in found.items()}
        return {name: cast for name, cast in casts.items() if cast is not None}

    def validate_column_types(self, schema: pa.Schema) -> ColumnTypes:
        """Compare a file's schema with the contract, without looking at values."""
        casts = self.casts(schema)
        errors = []
        for name, leaf in self.feed.sources.items():
            occurs, wanted = _occurs(schema, name), leaf.field.type
            if occurs > 1:
                message = f"the file has {occurs} columns called {name}; write it once"
                errors.append(ColumnTypeError(name, f"{occurs} columns", wanted, message))
            elif occurs and name not in casts:
                kind = str(schema.field(name).type)
                message = f"{name} is {kind}, which cannot become {wanted} safely; write it as {wanted}"
                errors.append(ColumnTypeError(name, kind, wanted, message))
        known, present = self.feed.sources.keys(), set(schema.names)
        return ColumnTypes(
            is_valid=not errors,
            errors=tuple(errors),
            cast_columns=tuple(name for name, cast in casts.items() if not cast.keeps),
            unknown_columns=tuple(dict.fromkeys(name for name in schema.names if name not in known)),
            absent_columns=tuple(name for name in known if name not in present),
        )

    def examine(
        self, schema: pa.Schema, batches: Batches, proofs: FooterStatistics = NO_STATISTICS
    ) -> ColumnScan:
        """Read the required columns, and those whose cast only the values can tell to be safe, once.

        What is proved need not be read, except keys and dates.
        """
        kinds, casts = self.validate_column_types(schema), self.casts(schema)
        keys = {*self.feed.key, self.feed.date_column, self._bounded_column}
        proved = {name for name in proofs.casts & proofs.nulls.keys() if name not in keys}
        required = [name for name in self.feed.required_columns if name in casts and name not in proved]
        looked_at = [
            name
            for name, cast in casts.items()
            if name in required or (cast.may_fail and name not in proofs.casts)
        ]
        as_dictionary = [
            name for name in required if casts[name].wanted == pa.string() and _is_text(schema, name)
        ]
        errors: dict[str, ColumnTypeError] = {}
        cut = dict.fromkeys(looked_at, 0)
        chunks: dict[str, list[pa.Array]] = {name: [] for name in required}
        first_row = 0
        for batch in batches(looked_at, as_dictionary) if looked_at else ():
            for name in looked_at:
                try:
                    values = _apply_to_codes(casts[name], batch[name])
                except UnsafeCast as error:
                    rows = f"rows {first_row:,} to {first_row + len(batch) - 1:,}"
                    errors.setdefault(name, self._unsafe(name, casts[name], rows, error))
                else:
                    cut[name] += count_cut(batch[name])
                    if name in chunks:
                        chunks[name].append(_compact(values))
            first_row += len(batch)
        table = {
            name: _joined(parts) if parts else pa.chunked_array([], casts[name].wanted)
            for name, parts in chunks.items()
            if name not in errors
        }
        found = ColumnTypes(
            is_valid=kinds.is_valid and not errors,
            errors=(*kinds.errors, *errors.values()),
            cast_columns=kinds.cast_columns,
            unknown_columns=kinds.unknown_columns,
            absent_columns=kinds.absent_columns,
        )
        return ColumnScan(found, pa.table(table), tuple(self._warnings(found, cut)))

    def validate_required_fields(
        self, table: pa.Table, proofs: FooterStatistics = NO_STATISTICS
    ) -> RequiredFields:
        """Check that the required columns are all there and count the NULLs in each."""
        known = {name: table[name].null_count for name in table.column_names}
        known = {**{name: proofs.nulls[name] for name in proofs.casts & proofs.nulls.keys()}, **known}
        nulls = {name: known[name] for name in self.feed.required_columns if name in known}
        missing = tuple(name for name in self.feed.required_columns if name not in known)
        return RequiredFields(not missing and not any(nulls.values()), missing, nulls)

    def validate_date_range(self, table: pa.Table) -> DateRange:
        """Check the dates against the feed's bounds; a feed without bounds takes every date."""
        bounds, column = self.feed.date_bounds, self._bounded_column
        if column is None:
            return DateRange(is_valid=True)
        if column not in table.column_names:
            return DateRange(is_valid=False, message=f"there is no column {column} that holds dates")
        cast = find_cast(table[column].type, "DATE")
        if cast is None:
            return DateRange(is_valid=False, message=f"{column} is {table[column].type} and holds no dates")
        try:
            extremes = pc.min_max(table[column] if cast.keeps else _apply(cast, table[column]))
        except UnsafeCast as error:
            return DateRange(is_valid=False, message=f"{column}: {error}")
        first, last = extremes["min"].as_py(), extremes["max"].as_py()
        if first is None:
            return DateRange(is_valid=False, message=f"{column} holds no date")
        if bounds and not bounds.min <= first <= last <= bounds.max:
            message = f"{column} goes from {first} to {last}; it must stay in {bounds.min} to {bounds.max}"
            return DateRange(False, first, last, message)
        return DateRange(True, first, last)

    @property
    def _bounded_column(self) -> str | None:
        bounds = self.feed.date_bounds
        return bounds.column if bounds else self.feed.date_column

    def validate_duplicates(self, table: pa.Table) -> Duplicates:
        """Find rows with the same key: how many there are in all, and the first keys in order."""
        if any(name not in table.column_names for name in self.feed.key):
            return Duplicates(is_valid=False)
        return find_duplicates(table.select(list(self.feed.key)))

    def _unsafe(self, name: str, cast: Cast, rows: str, error: UnsafeCast) -> ColumnTypeError:
        wanted = self.feed.sources[name].field.type
        message = f"{name} is {cast.found} and should become {wanted}, but in {rows}: {error}"
        return ColumnTypeError(name, str(cast.found), wanted, message)

    def _warnings(self, found: ColumnTypes, cut: dict[str, int]) -> Iterator[str]:
        for name, times in cut.items():
            if times:
                yield f"{name}: {times:,} times had nanoseconds, which were cut off to the microsecond"
        if found.unknown_columns:
            names = ", ".join(found.unknown_columns[:20])
            more = len(found.unknown_columns) - 20
            yield (
                f"{len(found.unknown_columns)} columns are not in the contract of {self.feed.name} and were"
                f" not loaded: {names}" + (f" and {more} more" if more > 0 else "")
            )
        for name in found.unknown_columns:
            if meant := did_you_mean(name, found.absent_columns):
                yield f"column {name} is not in the contract of {self.feed.name}: did you mean {meant}?"


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that differs from a name only in case, or is close to it, or begins with it."""
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    lower = name.lower()
    if lower in by_lower:
        return by_lower[lower]
    # Below five letters a common beginning says little: P is no abbreviation of provenance.
    longer = [
        each
        for each in by_lower
        if min(len(lower), len(each)) >= 5 and (each.startswith(lower) or lower.startswith(each))
    ]
    close = longer or difflib.get_close_matches(lower, by_lower, n=1, cutoff=0.8)
    return by_lower[close[0]] if close else None


def _occurs(schema: pa.Schema, name: str) -> int:
    return len(schema.get_all_field_indices(name))


def _apply(cast: Cast, column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([cast.apply(chunk) for chunk in column.chunks], cast.wanted)


def _is_text(schema: pa.Schema, name: str) -> bool:
    return bool(types.is_string(schema.field(name).type))


def _apply_to_codes(cast: Cast, values: pa.Array) -> pa.Array:
    """Cast a column; of text in dictionary codes only the dictionary."""
    if types.is_dictionary(values.type) and cast.wanted == pa.string():
        return pa.DictionaryArray.from_arrays(values.indices, cast.apply(values.dictionary))
    return cast.apply(values)


def _compact(values: pa.Array) -> pa.Array:
    """Text as dictionary codes of few bytes: a key column repeats few symbols over many rows."""
    if types.is_string(values.type):
        values = values.dictionary_encode()
    if types.is_dictionary(values.type) and len(values.dictionary) < _SHORT_CODES:
        return pa.DictionaryArray.from_arrays(values.indices.cast(pa.int16()), values.dictionary)
    return values


def _joined(parts: Sequence[pa.Array]) -> pa.ChunkedArray:
    """A column's arrays, all with the codes of the widest, each with the dictionary it came with."""
    if not types.is_dictionary(parts[0].type):
        return pa.chunked_array(parts)
    widest = max((part.type.index_type for part in parts), key=lambda integers: integers.bit_width)
    return pa.chunked_array(
        pa.DictionaryArray.from_arrays(part.indices.cast(widest), part.dictionary) for part in parts
    )
