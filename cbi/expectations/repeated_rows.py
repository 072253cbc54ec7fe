"""Which rows of a table are there more than once."""

from collections.abc import Iterator
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from cbi.expectations.key_numbers import KeyNumbers, hashed

Keep = Literal["none", "first", "last"]

# Rows are compared in partitions of about this many, which bounds the memory that takes.
_PARTITION_ROWS = 1 << 21
_ROWS_AT_ONCE = 1 << 17
_MOST_NUMBERS = 1 << 62


def repeated_rows(
    keys: pa.Table, keep: Keep = "none", partition_rows: int = _PARTITION_ROWS
) -> pa.BooleanArray:
    """A boolean for every row, true where another row is the same, but for the one of them to keep."""
    numbers = row_numbers(keys)
    found = [rows.take(_again(numbers.take(rows), keep)) for rows in _partitions(numbers, partition_rows)]
    return as_mask(pa.concat_arrays(found), len(keys))


def row_numbers(keys: pa.Table) -> pa.Array:
    """An integer for every row (int64), the same for the same rows."""
    numbered = KeyNumbers.of(keys, _ROWS_AT_ONCE)
    if numbered.span <= _MOST_NUMBERS:
        slices = [numbers.cast(pa.int64()) for numbers in numbered.slices()]
        return pa.concat_arrays(slices) if slices else pa.array([], pa.int64())
    numbers, span = pa.repeat(pa.scalar(0, pa.int64()), len(keys)), 1
    for codes in numbered.codes:
        if span * codes.span > _MOST_NUMBERS:  # so far apart that those there are must be numbered again
            encoded = numbers.dictionary_encode()
            numbers, span = encoded.indices.cast(pa.int64()), len(encoded.dictionary)
        numbers = pc.add(pc.multiply(numbers, codes.span), codes.of(0, len(keys), pa.int64()))
        span *= codes.span
    return numbers


def as_mask(rows: pa.Array, count: int) -> pa.BooleanArray:
    """True for the rows of these numbers, false for the others of so many."""
    if not len(rows):
        return pa.repeat(pa.scalar(False), count)
    options = pc.InversePermutationOptions(max_index=count - 1, output_type=pa.int64())
    return pc.is_valid(pc.inverse_permutation(rows.cast(pa.int64()), options=options))


def _partitions(numbers: pa.Array, partition_rows: int) -> Iterator[pa.Array]:
    """The places of numbers, those of equal ones together and in order."""
    bits = (len(numbers) // partition_rows).bit_length()
    if not bits:
        yield pa.array(range(len(numbers)), pa.int64())
        return
    places = hashed(numbers, bits)
    for partition in range(1 << bits):
        yield pc.indices_nonzero(pc.equal(places, pa.scalar(partition, pa.uint64()))).cast(pa.int64())


def _again(numbers: pa.Array, keep: Keep) -> pa.Array:
    """The places of numbers that are there more than once, without the one to keep."""
    table = pa.table({"number": numbers, "place": pa.array(range(len(numbers)), pa.int64())})
    order = pc.sort_indices(table, [("number", "ascending"), ("place", "ascending")])
    ordered = numbers.take(order)
    same = pc.equal(ordered.slice(1), ordered.slice(0, max(len(ordered) - 1, 0)))
    no = pa.array([False])
    as_before, as_after = pa.concat_arrays([no, same]), pa.concat_arrays([same, no])
    if not len(numbers):
        return order
    mask = {"none": pc.or_(as_before, as_after), "first": as_before, "last": as_after}[keep]
    return order.filter(mask)
