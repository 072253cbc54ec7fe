"""Cutting the keys of a file into slices that one query each may ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from cbi.contract.target import Target

# What JSON puts around a value of an array parameter, `{"value": ""}, `.
_AROUND_A_VALUE = 15


@dataclass(frozen=True)
class KeySlice:
    """Keys that one query may ask for; `day` and `texts` name their columns, `day` the partition's."""

    rows: pa.Table
    day: str | None
    texts: tuple[str, ...]

    @classmethod
    def of(cls, target: Target, rows: pa.Table) -> "KeySlice":
        """All keys of a file, in the target's key columns; text is encoded by dictionaries."""
        texts = tuple(name for name in target.key if pa.types.is_dictionary(rows[name].type))
        return cls(rows, target.partition_by if target.partition_by in target.key else None, texts)

    @cached_property
    def text_bytes(self) -> int:
        """How much of a request the text takes."""
        return sum(parameter_bytes(distinct(self.rows[name])) for name in self.texts)

    def slices(self, most_text: int) -> Iterator["KeySlice"]:
        """Halve until the text fits a request, or cannot be cut any more."""
        halves = () if self.text_bytes <= most_text else self._halves()
        if not halves:
            yield self
        for half in halves:
            yield from half.slices(most_text)

    def _halves(self) -> tuple["KeySlice", ...]:
        """Cut by days where that shares the text out, for then no partition is read twice, else by text."""
        by_days = self._cut(self.day) if self.day is not None else ()
        if by_days and sum(half.text_bytes for half in by_days) < 1.5 * self.text_bytes:
            return by_days
        widest = max(self.texts, key=lambda name: parameter_bytes(distinct(self.rows[name])))
        return self._cut(widest) or by_days

    def _cut(self, name: str) -> tuple["KeySlice", ...]:
        """The rows of the lower and of the upper half of a column's values; nothing if it has but one."""
        column = self.rows[name]
        values = (distinct(column) if name in self.texts else pc.unique(column)).sort()
        if len(values) < 2:
            return ()
        lower = _is_in(column, values.slice(0, len(values) // 2))
        return tuple(
            KeySlice(self.rows.filter(mask), self.day, self.texts) for mask in (lower, pc.invert(lower))
        )


def distinct(column: pa.ChunkedArray) -> pa.Array:
    """The values of a column of dictionaries, each chunk of which may have another."""
    return pc.unique(
        pa.chunked_array(
            [chunk.dictionary.take(pc.unique(chunk.indices)) for chunk in column.chunks],
            column.type.value_type,
        )
    )


def parameter_bytes(values: pa.Array) -> int:
    """At most how long these texts are as an array parameter, in which JSON escapes all that is not ASCII."""
    lengths = pc.binary_length(values)
    ascii_only = pc.string_is_ascii(values)
    # \uXXXX for at least two bytes of UTF-8, a pair of them for four; and for control characters.
    escaped = pc.multiply(lengths, pc.if_else(ascii_only, 1, 3))
    controls = pc.multiply(pc.count_substring_regex(values, r'[\x00-\x1f"\\]'), 5)
    return (pc.sum(escaped).as_py() or 0) + (pc.sum(controls).as_py() or 0) + _AROUND_A_VALUE * len(values)


def _is_in(column: pa.ChunkedArray, values: pa.Array) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(column.type):
        return pc.is_in(column, value_set=values)
    masks = [pc.is_in(chunk.dictionary, value_set=values).take(chunk.indices) for chunk in column.chunks]
    return pa.chunked_array(masks, pa.bool_())
