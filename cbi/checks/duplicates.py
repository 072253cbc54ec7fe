"""No two rows have the same key.

Keys become integers, which are marked off or sorted: no hash table of all rows is made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from cbi.checks.check import Check, ColumnScan, Evidence, FileContext, Outcome, validation_failures
from cbi.checks.failed_rows import none_of, reject
from cbi.contract.feed import Feed
from cbi.contract.quarantine import RejectedRows
from cbi.expectations.key_numbers import KeyNumbers, hashed
from cbi.expectations.repeated_rows import Keep, repeated_rows
from cbi.findings import Duplicates

SHOWN_KEYS = 20
"""How many keys that occur twice a report shows."""

ROWS_AT_ONCE = 1 << 17
"""How many rows' keys are worked on at a time, which bounds the memory that takes."""

# Each possible key has a place of four bytes, in windows of this many times the rows at once.
_WINDOW = 64
_MOST_WINDOWS = 8

# Where keys are too far apart for that, they are sorted, about this many times the rows at once together.
_SORTED = 16

_MOST_NUMBERS = 1 << 63


def checks(feed: Feed) -> Iterator[Check[None]]:
    yield DuplicatesCheck(feed.key, feed.keep_duplicate if feed.quarantines_invalid_rows else None)


@dataclass(frozen=True)
class DuplicatesCheck(Check[None]):
    """Looks for keys that occur again, all at the end, because the pass keeps every row's key anyway.

    `keep` says which row of a key that occurs again is loaded, while the others go to quarantine; None fails
    the file.
    """

    key: tuple[str, ...]
    keep: Keep | None = None

    def columns(self, file: FileContext) -> tuple[str, ...]:
        return self.key

    def conclude(self, evidence: Evidence[None]) -> Outcome:
        if self.keep is not None and set(self.key) <= set(evidence.scan.kept.column_names):
            return self._leave_out(evidence, self.keep)
        found = find_duplicates_by_key(evidence.scan.kept, self.key)
        sentences = [self._sentence(found)] if found.duplicate_count else []
        return Outcome(replace(evidence.report, duplicates=found), validation_failures(sentences))

    def _leave_out(self, evidence: Evidence[None], keep: Keep) -> Outcome:
        """Leave rows out for their key, among those that nothing else keeps from being loaded.

        A row that was left out before, because another of its key was kept, stays out when it is replayed:
        that other one is in the table.
        """
        scan = evidence.scan
        which = {"none": "in another row", "first": "in a row before", "last": "in a row after"}[keep]
        reason = f"its key ({', '.join(self.key)}) is {which}"
        told = _left_out_before(scan, reason)
        others = told if evidence.left_out is None else pc.or_(told, evidence.left_out.rows)
        candidates = scan.kept.filter(pc.invert(others))
        found = find_duplicates_by_key(candidates, self.key)
        rows = told
        if found.duplicate_count:
            repeated = repeated_rows(candidates.select(list(self.key)), keep)
            rows = pc.or_(told, pc.replace_with_mask(told, pc.invert(others), repeated))
        if not rows.true_count:
            return Outcome(replace(evidence.report, duplicates=found))
        rejected = RejectedRows(reason, rows)
        report = replace(evidence.report, duplicates=replace(found, is_valid=True))
        report = reject(evidence, report, "key", [(", ".join(self.key), rejected)])
        return Outcome(report, quarantined=(rejected,))

    def _sentence(self, found: Duplicates) -> str:
        first = ", ".join(str(value) for value in found.keys[0].values())
        return (
            f"{found.duplicate_count:,} rows share their key ({', '.join(self.key)}) with another, the first"
            f" ({first}); keep one row of each key."
        )


def _left_out_before(scan: ColumnScan, reason: str) -> pa.BooleanArray:
    """Which rows of a replayed quarantine object were left out for a reason."""
    if scan.earlier_reasons is None:
        return none_of(len(scan.kept))
    return pc.fill_null(pc.match_substring(scan.earlier_reasons, reason), False).combine_chunks()


def find_duplicates_by_key(table: pa.Table, key: Sequence[str]) -> Duplicates:
    """Find the rows of a table that share their key; a table without all of the key is not valid."""
    if not set(key) <= set(table.column_names):
        return Duplicates(is_valid=False)
    return find_duplicates(table.select(list(key)))


def find_duplicates(keys: pa.Table, rows_at_once: int = ROWS_AT_ONCE) -> Duplicates:
    """Find the rows that share their key, a row of `keys`, with another: how many, and the first keys.

    It takes up to 100 MB of memory besides the table, unless very many rows have the same key.
    """
    numbered = KeyNumbers.of(keys, rows_at_once)
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


def _increases(keys: KeyNumbers) -> bool:
    """Whether each key is greater than the one before, as in a file that is sorted by its key."""
    last: int | None = None
    for numbers in keys.slices():
        if last is not None and numbers[0].as_py() <= last:
            return False
        if not pc.all(pc.less(numbers.slice(0, len(numbers) - 1), numbers.slice(1))).as_py():
            return False
        last = numbers[len(numbers) - 1].as_py()
    return True


def _all_differ(keys: KeyNumbers, window: int) -> bool:
    """Whether as many places are taken as there are rows, when each row takes the place of its number.

    Numbers are looked at a window of them at a time, because a place takes four bytes.
    """
    options = pc.InversePermutationOptions(max_index=window - 1, output_type=pa.int32())
    for start in range(0, keys.span, window):
        inside = pa.concat_arrays([_in_window(numbers, start, window) for numbers in keys.slices()])
        if len(inside) > window:
            return False
        places = pc.inverse_permutation(inside, options=options)
        if len(places) - places.null_count < len(inside):
            return False
    return True


def _in_window(numbers: pa.Array, start: int, window: int) -> pa.Array:
    inside = pc.and_(pc.greater_equal(numbers, start), pc.less(numbers, start + window))
    return pc.subtract(numbers.filter(inside), pa.scalar(start, numbers.type)).cast(pa.int32())


def _grouped(keys: KeyNumbers) -> tuple[int, list[int]]:
    """What `_repeated` finds, for keys too many to have numbers of 63 bits; it takes more time and memory."""
    columns = {str(place): codes.of(0, keys.rows, pa.int64()) for place, codes in enumerate(keys.codes)}
    order = [(name, "ascending") for name in columns]
    counts = pa.table(columns).group_by(list(columns)).aggregate([([], "count_all")])
    again = counts.filter(pc.greater(counts["count_all"], 1))
    rows = pc.sum(again["count_all"]).as_py() or 0
    numbers = []
    for row in again.select(list(columns)).sort_by(order).slice(0, SHOWN_KEYS).to_pylist():
        number = 0
        for codes, code in zip(keys.codes, row.values(), strict=True):
            number = number * codes.span + code
        numbers.append(number)
    return rows, numbers


def _repeated(keys: KeyNumbers) -> tuple[int, list[int]]:
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
    return numbers.filter(pc.equal(hashed(numbers, bits), pa.scalar(partition, pa.uint64())))
