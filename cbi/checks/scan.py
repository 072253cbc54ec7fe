"""One pass over just the columns of a file that a check must look at, or whose rows are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import types

from cbi.checks.check import CastBatch, Check, ColumnScan, FileContext
from cbi.checks.footer_statistics import read_statistics
from cbi.checks.registry import CHECKS, MakeChecks
from cbi.contract.binding import bind
from cbi.contract.casts import Cast
from cbi.contract.feed import Feed
from cbi.contract.lenient_cast import cast_leniently
from cbi.contract.quarantine import REASON_COLUMN
from cbi.contract.unsafe_cast import UnsafeCast
from cbi.parquet.source import Source

# Dictionaries of fewer entries have codes of two bytes.
_SHORT_CODES = 1 << 15


@dataclass(frozen=True)
class ScannedFile:
    """A file that was read once, and what each check remembers of its batches; no verdict yet."""

    scan: ColumnScan
    observations: tuple[tuple[Check[Any], Sequence[Any]], ...]


def scan_file(
    source: Source, feed: Feed, checks: Sequence[MakeChecks] = CHECKS, object_name: str = ""
) -> ScannedFile:
    """Read what the checks must look at of a file under this name in its bucket.

    Raises InvalidFile where the file cannot be read at all.
    """
    binding = bind(feed, source.schema, object_name)
    statistics = read_statistics(source, binding.casts)
    file = FileContext(feed, source.schema, source.rows, binding, statistics)
    casts = file.casts
    made = [check for make in checks for check in make(feed)]
    columns = [frozenset(check.columns(file)) for check in made]
    keeps = frozenset(file.kept_columns).union(*(check.keeps(file) for check in made))
    wanted = keeps.union(*columns)
    names = [name for name in casts if name in wanted]
    seen = [list[Any]() for _ in made]
    kept: dict[str, list[pa.Array]] = {name: [] for name in names if name in keeps}
    unreadable, rows = set[str](), 0
    for batch in _cast_batches(source, file, names):
        for check, wants, remembered in zip(made, columns, seen, strict=True):
            if wants and (observation := check.look(batch)) is not None:
                remembered.append(observation)
        for name in kept.keys() & batch.columns.keys():
            kept[name].append(_compact(batch.columns[name]))
        unreadable |= batch.errors.keys()
        rows += len(batch.found)
    table = {name: _joined(parts, casts[name]) for name, parts in kept.items() if name not in unreadable}
    rows_read = rows if _columns(file, names) else None
    scan = ColumnScan(file, frozenset(unreadable), rows_read, pa.table(table), _earlier_reasons(source, feed))
    return ScannedFile(scan, tuple(zip(made, seen, strict=True)))


def _earlier_reasons(source: Source, feed: Feed) -> pa.ChunkedArray | None:
    kinds = [field.type for field in source.schema if field.name == REASON_COLUMN]
    if feed.keep_duplicate == "none" or kinds != [pa.string()]:
        return None
    read = [batch[REASON_COLUMN] for batch in source.batches([REASON_COLUMN])]
    return pa.chunked_array(read, pa.string())


def _cast_batches(source: Source, file: FileContext, names: Sequence[str]) -> Iterator[CastBatch]:
    first_row = 0
    columns_to_read = _columns(file, names)
    cast_column = _apply_leniently if file.feed.quarantines_invalid_rows else _apply_strictly
    for found in source.batches(columns_to_read, _as_dictionary(file, names)) if columns_to_read else ():
        values = {name: file.casts[name].place.values(found) for name in names}
        columns, errors, uncast = {}, {}, dict[str, pa.BooleanArray]()
        for name in names:
            try:
                columns[name], failing = cast_column(file.casts[name], values[name])
            except UnsafeCast as error:
                errors[name] = error
            else:
                uncast |= {} if failing is None else {name: failing}
        named = pa.RecordBatch.from_arrays(list(values.values()), list(values))
        yield CastBatch(first_row, named, columns, errors, uncast)
        first_row += len(found)


def _columns(file: FileContext, names: Sequence[str]) -> list[str]:
    """The file's top-level columns that have the values of these."""
    columns = (file.casts[name].place.column for name in names)
    return list(dict.fromkeys(column for column in columns if column is not None))


def _as_dictionary(file: FileContext, names: Sequence[str]) -> list[str]:
    """The required columns of text, which seldom have many different values."""
    required = set(file.feed.required_columns)
    text = (file.casts[name] for name in names if name in required)
    columns = (cast.place.flat_column for cast in text if types.is_string(cast.found) and _becomes_text(cast))
    return [column for column in columns if column is not None]


def _becomes_text(cast: Cast) -> bool:
    return bool(cast.wanted == pa.string())


def _apply(cast: Cast, values: pa.Array) -> pa.Array:
    """Cast a column; of text in dictionary codes only the dictionary."""
    if types.is_dictionary(values.type) and _becomes_text(cast):
        return pa.DictionaryArray.from_arrays(values.indices, cast.apply(values.dictionary))
    return cast.apply(values)


def _apply_strictly(cast: Cast, values: pa.Array) -> tuple[pa.Array, None]:
    return _apply(cast, values), None


def _apply_leniently(cast: Cast, values: pa.Array) -> tuple[pa.Array, pa.BooleanArray | None]:
    """The same with NULL for what cannot be cast, and which values those are."""
    try:
        return _apply(cast, values), None
    except UnsafeCast:
        found = cast_leniently(cast, values)
    if types.is_dictionary(values.type) and _becomes_text(cast):
        return found.values.dictionary_encode(), found.failing
    return found.values, found.failing


def _compact(values: pa.Array) -> pa.Array:
    """Text as dictionary codes of few bytes: a key column repeats few symbols over many rows."""
    if types.is_string(values.type):
        values = values.dictionary_encode()
    if types.is_dictionary(values.type) and len(values.dictionary) < _SHORT_CODES:
        return pa.DictionaryArray.from_arrays(values.indices.cast(pa.int16()), values.dictionary)
    return values


def _joined(parts: Sequence[pa.Array], cast: Cast) -> pa.ChunkedArray:
    """A column's arrays, all with the codes of the widest, each with the dictionary it came with."""
    if not parts or not types.is_dictionary(parts[0].type):
        return pa.chunked_array(parts, cast.wanted)
    widest = max((part.type.index_type for part in parts), key=lambda integers: integers.bit_width)
    return pa.chunked_array(
        pa.DictionaryArray.from_arrays(part.indices.cast(widest), part.dictionary) for part in parts
    )
