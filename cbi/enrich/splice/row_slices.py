"""Which rows of which row groups go into which part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from cbi.contract.parts import DateInterval, Part

Rows = TypeVar("Rows", pa.Array, pa.RecordBatch)


@dataclass(frozen=True)
class RowSlice:
    """A part's rows of a row group: from `begin` to before `end`, and of these where `mask` is true.

    The mask is as long as the row group.
    """

    row_group: int
    begin: int
    end: int
    rows: int
    mask: pa.BooleanArray | None = None

    def of(self, rows: Rows, at: int = 0) -> Rows:
        """The slice's rows among some of the row group's, the first of which is its row `at`."""
        begin, end = max(self.begin - at, 0), max(self.end - at, 0)
        chosen = rows.slice(begin, max(end - begin, 0))
        return chosen if self.mask is None else chosen.filter(self.mask.slice(at + begin, len(chosen)))


@dataclass
class PartSlices:
    """A part's name, as the rewrite names it, and its slices in the order of rows."""

    name: str
    rows: int = 0
    slices: list[RowSlice] = field(default_factory=list)
    dates: set[date] = field(default_factory=set)

    @property
    def part(self) -> Part:
        """The part as it will be written."""
        first, last = min(self.dates, default=None), max(self.dates, default=None)
        return Part(self.name, self.rows, len(self.dates), first, last)


def assign_rows(
    row_groups: Sequence[int],
    dates: pa.ChunkedArray | None,
    loaded: pa.BooleanArray | None,
    date_intervals: Sequence[DateInterval],
    batch_rows: int | None,
) -> list[PartSlices]:
    """Assign the rows of row groups of these sizes to the part of their date's interval, or to none.

    `dates` are those of all rows (date32), `loaded` tells which rows are (None: all of them). An interval has
    a part for every `batch_rows` rows.
    """
    parts = [_IntervalParts(str(number), batch_rows) for number in range(len(date_intervals))]
    start = 0
    for number, size in enumerate(row_groups):
        group = _GroupRows(number, size, None if dates is None else dates.slice(start, size).combine_chunks())
        loaded_of_group = None if loaded is None else loaded.slice(start, size)
        start += size
        if not size:
            continue
        for interval, parts_of_interval in zip(date_intervals, parts, strict=True):
            parts_of_interval.append_slices(group, _both(loaded_of_group, group.within(interval)))
    return [part for parts_of_interval in parts for part in parts_of_interval.parts]


@dataclass(frozen=True)
class _GroupRows:
    """A row group's number, how many rows it has, and their dates."""

    number: int
    size: int
    dates: pa.Array | None

    def within(self, interval: DateInterval) -> pa.BooleanArray | None:
        """Which rows have a date of the interval; None where all have."""
        if self.dates is None:
            return None
        extremes = pc.min_max(self.dates)
        if interval.first <= extremes["min"].as_py() and extremes["max"].as_py() <= interval.last:
            return None
        return pc.and_(pc.greater_equal(self.dates, interval.first), pc.less_equal(self.dates, interval.last))


@dataclass
class _IntervalParts:
    """The parts of a date interval's rows: one, or one for every `batch_rows` rows."""

    name: str
    batch_rows: int | None
    parts: list[PartSlices] = field(default_factory=list)

    def append_slices(self, group: _GroupRows, mask: pa.BooleanArray | None) -> None:
        """Append a row group's rows where the mask is true, to a new part where the last is full."""
        rows = group.size if mask is None else mask.true_count
        mask = None if rows == group.size else mask
        for begin, end, count in self._cuts(group.size, mask, rows):
            if not self.parts or self.parts[-1].rows == self.batch_rows:
                number = len(self.parts)
                self.parts.append(PartSlices(f"{self.name}.{number}" if number else self.name))
            row_slice = RowSlice(group.number, begin, end, count, mask)
            part = self.parts[-1]
            part.slices.append(row_slice)
            part.rows += count
            if group.dates is not None:
                part.dates.update(pc.unique(row_slice.of(group.dates)).to_pylist())

    def _cuts(self, size: int, mask: pa.BooleanArray | None, rows: int) -> Iterator[tuple[int, int, int]]:
        """Where to cut a row group so that no part gets too many rows: begin, end, and rows between them."""
        if self.batch_rows is None:
            if rows:
                yield 0, size, rows
            return
        numbers = None if mask is None else pc.indices_nonzero(mask)
        assigned = begin = 0
        room = self.batch_rows - self.parts[-1].rows if self.parts else self.batch_rows
        while assigned < rows:
            count = min(room or self.batch_rows, rows - assigned)
            assigned += count
            end = assigned if numbers is None or assigned == rows else numbers[assigned].as_py()
            if assigned == rows:
                end = size
            yield begin, end, count
            begin, room = end, self.batch_rows


def _both(*masks: pa.BooleanArray | None) -> pa.BooleanArray | None:
    """Where all of the masks are true; None is true everywhere."""
    given = [mask for mask in masks if mask is not None]
    return reduce(pc.and_, given) if given else None
