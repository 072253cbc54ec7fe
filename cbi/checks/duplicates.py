"""Rows with the same key, found without a hash table: keys become integers, marked off or sorted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from cbi.findings import Duplicates

SHOWN_KEYS = 20
"""How many keys that occur twice a report shows."""

ROWS_AT_ONCE = 1 << 17
"""Keys are worked on so many at a time, so that what is made of them on the way stays small."""

# Each possible key has a place of four bytes, in windows of so many times the rows at once.
_WINDOW = 64
_MOST_WINDOWS = 8

# Where keys are too far apart for that, they are sorted, about so many times the rows at once together.
_SORTED = 16

# Integers of a range up to this wide are taken as they are; of a wider one, those that occur are numbered.
_WIDEST = 1 << 31

_MOST_NUMBERS = 1 << 63

# An odd number whose bits are evenly spread: Fibonacci hashing.
_SPREAD = pa.scalar(0x9E3779B97F4A7C15, pa.uint64())


def find_duplicates(keys: pa.Table, rows_at_once: int = ROWS_AT_ONCE) -> Duplicates:
    """Find the rows that share their key, a row of `keys`, with another: how many, and the first keys.

    It takes up to 100 MB of memory besides the table, unless very many rows have the same key.
    """
    codes = [_encode(column) for column in keys.columns]
    numbered = _Numbered(keys.column_names, codes, len(keys), rows_at_once)
    window = _WINDOW * rows_at_once
    if numbered.span > _MOST_NUMBERS:
        rows, first = _grouped(numbered)
    elif (
        _increases(numbered)
        or _increases(numbered.reversed())
        or (numbered.span <= _MOST_WINDOWS * window and _all_differ(numbered, window))
    ):
        return Duplicates(is_valid=True)
    else:
        rows, first = _repeated(numbered)
    return Duplicates(rows == 0, rows, tuple(numbered.key(number) for number in first))


class _Codes(Protocol):
    """A column as integers from 0 to before `span`, in the order of its values."""

    @property
    def span(self) -> int: ...

    def of(self, begin: int, rows: int, integers: pa.DataType) -> pa.Array:
        """The codes of some rows, as integers of a type."""

    def value(self, code: int) -> Any:
        """What a code stands for."""


@dataclass(frozen=True)
class _Distances:
    """Integers, or dates, by their distance from the least."""

    type: pa.DataType
    column: pa.ChunkedArray
    least: int
    span: int

    def of(self, begin: int, rows: int, integers: pa.DataType) -> pa.Array:
        numbers = self.column.slice(begin, rows).combine_chunks()
        return pc.subtract(numbers.cast(integers), pa.scalar(self.least, integers))

    def value(self, code: int) -> Any:
        return pa.array([self.least + code], self.column.type).cast(self.type)[0].as_py()


@dataclass(frozen=True)
class _Places:
    """Dictionary codes, by the place of what they stand for among all `values`; NULL comes last.

    `places` gives, for each dictionary that a chunk of the column has, the places of its entries.
    """

    column: pa.ChunkedArray
    values: pa.Array
    places: Mapping[tuple[int | None, ...], pa.Array]

    @property
    def span(self) -> int:
        return len(self.values) + 1

    def of(self, begin: int, rows: int, integers: pa.DataType) -> pa.Array:
        null = pa.scalar(len(self.values), pa.int32())
        return pa.concat_arrays(
            [
                self.places[_identity(chunk.dictionary)].take(chunk.indices).fill_null(null).cast(integers)
                for chunk in self.column.slice(begin, rows).chunks
            ]
        )

    def value(self, code: int) -> Any:
        return self.values[code].as_py() if code < len(self.values) else None


@dataclass(frozen=True)
class _Numbered:
    """Each row's key as one integer from 0 to before `span`, in the order of the keys."""

    names: Sequence[str]
    codes: Sequence[_Codes]
    rows: int
    rows_at_once: int

    @property
    def span(self) -> int:
        return prod(codes.span for codes in self.codes)

    def reversed(self) -> "_Numbered":
        """The same with the last column first: a panel may be sorted by day and symbol, or the other way."""
        return _Numbered(self.names[::-1], self.codes[::-1], self.rows, self.rows_at_once)

    def slices(self) -> Iterator[pa.Array]:
        integers = pa.int32() if self.span < 1 << 31 else pa.int64()
        for begin in range(0, self.rows, self.rows_at_once):
            numbers = self.codes[0].of(begin, self.rows_at_once, integers)
            for codes in self.codes[1:]:
                shifted = pc.multiply(numbers, pa.scalar(codes.span, integers))
                numbers = pc.add(shifted, codes.of(begin, self.rows_at_once, integers))
            yield numbers

    def key(self, number: int) -> dict[str, Any]:
        values = []
        for codes in reversed(self.codes):
            number, code = divmod(number, codes.span)
            values.append(codes.value(code))
        return dict(zip(self.names, reversed(values), strict=True))


def _encode(column: pa.ChunkedArray) -> _Codes:
    kind = column.type
    integers = _viewed(column, pa.int32()) if types.is_date32(kind) else column
    if types.is_integer(integers.type) and len(column) and not column.null_count:
        extremes = pc.min_max(integers)
        least, most = extremes["min"].as_py(), extremes["max"].as_py()
        if most - least < _WIDEST and most < 1 << 63:
            return _Distances(kind, integers, least, most - least + 1)
    if not types.is_dictionary(kind):
        column = (column.cast(pa.string()) if types.is_string_view(kind) else column).dictionary_encode()
    dictionaries = {_identity(chunk.dictionary): chunk.dictionary for chunk in column.chunks}
    found = pa.chunked_array(dictionaries.values(), column.type.value_type)
    values = pc.unique(found).drop_null()
    values = values.take(pc.sort_indices(values))
    places = {name: pc.index_in(entries, values) for name, entries in dictionaries.items()}
    return _Places(column, values, places)


def _identity(array: pa.Array) -> tuple[int | None, ...]:
    """What two arrays share only if they are the same."""
    return len(array), array.offset, *(None if each is None else each.address for each in array.buffers())


def _viewed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The same bytes as another type."""
    return pa.chunked_array([chunk.view(kind) for chunk in column.chunks], kind)


def _increases(keys: _Numbered) -> bool:
    """Whether each key is greater than the one before, as in a file that is sorted by its key."""
    last: int | None = None
    for numbers in keys.slices():
        if last is not None and numbers[0].as_py() <= last:
            return False
        if not pc.all(pc.less(numbers.slice(0, len(numbers) - 1), numbers.slice(1))).as_py():
            return False
        last = numbers[len(numbers) - 1].as_py()
    return True


def _all_differ(keys: _Numbered, window: int) -> bool:
    """Whether as many places are taken as there are rows, when each row takes the place of its number.

    Numbers are looked at a window of them at a time, because a place takes four bytes.
    """
    options = pc.InversePermutationOptions(max_index=window - 1, output_type=pa.int32())
    for start in range(0, keys.span, window):
        numbers = pa.concat_arrays([_in_window(each, start, window) for each in keys.slices()])
        if len(numbers) > window:
            return False
        places = pc.inverse_permutation(numbers, options=options)
        if len(places) - places.null_count < len(numbers):
            return False
    return True


def _in_window(numbers: pa.Array, start: int, window: int) -> pa.Array:
    inside = pc.and_(pc.greater_equal(numbers, start), pc.less(numbers, start + window))
    return pc.subtract(numbers.filter(inside), pa.scalar(start, numbers.type)).cast(pa.int32())


def _grouped(keys: _Numbered) -> tuple[int, list[int]]:
    """What `_repeated` finds, for keys too many to have numbers of 63 bits; it takes more time and memory."""
    columns = {str(place): codes.of(0, keys.rows, pa.int64()) for place, codes in enumerate(keys.codes)}
    order = [(name, "ascending") for name in columns]
    counts = pa.table(columns).group_by(list(columns)).aggregate([([], "count_all")])
    again = counts.filter(pc.greater(counts["count_all"], 1))
    rows = pc.sum(again["count_all"]).as_py() or 0
    numbers = []
    for each in again.select(list(columns)).sort_by(order).slice(0, SHOWN_KEYS).to_pylist():
        number = 0
        for codes, code in zip(keys.codes, each.values(), strict=True):
            number = number * codes.span + code
        numbers.append(number)
    return rows, numbers


def _repeated(keys: _Numbered) -> tuple[int, list[int]]:
    """How many rows have a key that occurs more than once, and the least such keys.

    Keys are hashed into partitions, which are sorted one after the other.
    """
    rows, least = 0, list[int]()
    bits = (keys.rows // (_SORTED * keys.rows_at_once)).bit_length()
    for partition in range(1 << bits):
        part = pa.concat_arrays([_in_partition(numbers, partition, bits) for numbers in keys.slices()])
        ordered = part.take(pc.sort_indices(part))
        as_before = pc.equal(ordered.slice(1), ordered.slice(0, max(len(ordered) - 1, 0)))
        again = pc.unique(ordered.slice(1).filter(as_before))
        rows += as_before.true_count + len(again)
        least = sorted([*least, *again.slice(0, SHOWN_KEYS).to_pylist()])[:SHOWN_KEYS]
    return rows, least


def _in_partition(numbers: pa.Array, partition: int, bits: int) -> pa.Array:
    if not bits:
        return numbers
    spread = pc.multiply(numbers.cast(pa.uint64()), _SPREAD)
    hashed = pc.shift_right(spread, pa.scalar(64 - bits, pa.uint64()))
    return numbers.filter(pc.equal(hashed, pa.scalar(partition, pa.uint64())))
