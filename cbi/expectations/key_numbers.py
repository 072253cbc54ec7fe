"""Keys as integers: each row's key by one number, in the order of the keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

# Integers of a range up to this wide are taken as they are; of a wider one, those that occur are numbered.
_WIDEST = 1 << 31


class ColumnCodes(Protocol):
    """A column as integers from 0 to before `span`, in the order of its values."""

    @property
    def span(self) -> int: ...

    def of(self, begin: int, rows: int, integers: pa.DataType) -> pa.Array:
        """The codes of some rows, as integers of a type."""

    def value(self, code: int) -> Any:
        """What a code stands for."""


# An odd number whose bits are evenly spread: Fibonacci hashing.
_SPREAD = pa.scalar(0x9E3779B97F4A7C15, pa.uint64())


@dataclass(frozen=True)
class _Offsets:
    """Integers, or dates, by their distance from the least."""

    type: pa.DataType
    column: pa.ChunkedArray
    least: int
    span: int

    def of(self, begin: int, rows: int, integers: pa.DataType) -> pa.Array:
        numbers = self.column.slice(begin, rows).combine_chunks()
        # Large numbers may be near each other, so that only the distances fit into fewer bits.
        wide = integers if types.is_int32(numbers.type) else pa.int64()
        return pc.subtract(numbers.cast(wide), pa.scalar(self.least, wide)).cast(integers)

    def value(self, code: int) -> Any:
        return pa.array([self.least + code], self.column.type).cast(self.type)[0].as_py()


@dataclass(frozen=True)
class _Ranks:
    """Dictionary codes, by the place of what they stand for among all `values`; NULL comes last.

    `places` has, for every dictionary that a chunk of the column has, the places of its entries.
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
class KeyNumbers:
    """Each row's key as one integer from 0 to before `span`, in the order of the keys."""

    names: Sequence[str]
    codes: Sequence[ColumnCodes]
    rows: int
    rows_at_once: int

    @classmethod
    def of(cls, keys: pa.Table, rows_at_once: int) -> "KeyNumbers":
        """Number the rows of a table; memory is taken for that many of them at a time."""
        codes = [_encode(column) for column in keys.columns]
        return cls(keys.column_names, codes, len(keys), rows_at_once)

    @property
    def span(self) -> int:
        return prod(codes.span for codes in self.codes)

    def reversed(self) -> "KeyNumbers":
        """The same with the last column first: a panel may be sorted by day and symbol, or the other way."""
        return KeyNumbers(self.names[::-1], self.codes[::-1], self.rows, self.rows_at_once)

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


def hashed(numbers: pa.Array, bits: int) -> pa.Array:
    """Which of 2**bits partitions each number belongs to (uint64), spread evenly; `bits` is at least 1."""
    spread = pc.multiply(numbers.cast(pa.uint64()), _SPREAD)
    return pc.shift_right(spread, pa.scalar(64 - bits, pa.uint64()))


def _encode(column: pa.ChunkedArray) -> ColumnCodes:
    kind = column.type
    integers = _viewed(column, pa.int32()) if types.is_date32(kind) else column
    if types.is_integer(integers.type) and len(column) and not column.null_count:
        extremes = pc.min_max(integers)
        least, most = extremes["min"].as_py(), extremes["max"].as_py()
        if most - least < _WIDEST and most < 1 << 63:
            return _Offsets(kind, integers, least, most - least + 1)
    if not types.is_dictionary(kind):
        column = (column.cast(pa.string()) if types.is_string_view(kind) else column).dictionary_encode()
    dictionaries = {_identity(chunk.dictionary): chunk.dictionary for chunk in column.chunks}
    found = pa.chunked_array(dictionaries.values(), column.type.value_type)
    values = pc.unique(found).drop_null()
    values = values.take(pc.sort_indices(values))
    places = {name: pc.index_in(entries, values) for name, entries in dictionaries.items()}
    return _Ranks(column, values, places)


def _identity(array: pa.Array) -> tuple[int | None, ...]:
    """What two arrays share only if they are the same."""
    return (
        len(array),
        array.offset,
        *(None if buffer is None else buffer.address for buffer in array.buffers()),
    )


def _viewed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The same bytes as another type."""
    return pa.chunked_array([chunk.view(kind) for chunk in column.chunks], kind)
