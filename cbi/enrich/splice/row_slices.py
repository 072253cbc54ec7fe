"""Which rows of which row groups go into which part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from cbi.contract.parts import DateInterval

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


def assign_rows(
    row_groups: Sequence[int],
    dates: pa.ChunkedArray | None,
    covered: pa.ChunkedArray | None,
    date_intervals: Sequence[DateInterval],
    batch_rows: int | None,
) -> list[PartSlices]:
    """Give each row of row groups of these sizes to the part of its date's span, or to none.

    `dates` are those of all rows (date32), `covered` tells which rows are loaded (None: all of them). A
    span's parts have `batch_rows` rows each.
    """
    parts: list[list[PartSlices]] = [[] for _ in date_intervals]
    start = 0
    for number, size in enumerate(row_groups):
        day = None if dates is None else dates.slice(start, size).combine_chunks()
        mask = None if covered is None else covered.slice(start, size).combine_chunks()
        start += size
        if not size:
            continue
        for name, (span, of_span) in enumerate(zip(date_intervals, parts, strict=True)):
            inside = mask if len(date_intervals) == 1 or day is None else _both(mask, _within(day, span))
            _deal(of_span, str(name), number, size, inside, day, batch_rows)
    return [part for of_span in parts for part in of_span]


def _within(day: pa.Array, span: DateInterval) -> pa.BooleanArray | None:
    extremes = pc.min_max(day)
    if span.first <= extremes["min"].as_py() and extremes["max"].as_py() <= span.last:
        return None
    return pc.and_(pc.greater_equal(day, span.first), pc.less_equal(day, span.last))


def _both(one: pa.BooleanArray | None, other: pa.BooleanArray | None) -> pa.BooleanArray | None:
    return other if one is None else one if other is None else pc.and_(one, other)


def _deal(
    parts: list[PartSlices],
    name: str,
    row_group: int,
    size: int,
    mask: pa.BooleanArray | None,
    day: pa.Array | None,
    batch_rows: int | None,
) -> None:
    """Deal a row group's rows to a span's parts, opening a new one when the last is full."""
    rows = size if mask is None else mask.true_count
    mask = None if rows == size else mask
    for begin, end, count in _cuts(parts, size, mask, rows, batch_rows):
        if not parts or parts[-1].rows == batch_rows:
            parts.append(PartSlices(f"{name}.{len(parts)}" if parts else name))
        row_slice = RowSlice(row_group, begin, end, count, mask)
        parts[-1].slices.append(row_slice)
        parts[-1].rows += count
        if day is not None:
            parts[-1].dates.update(pc.unique(row_slice.of(day)).to_pylist())


def _cuts(
    parts: list[PartSlices], size: int, mask: pa.BooleanArray | None, rows: int, batch_rows: int | None
) -> Iterator[tuple[int, int, int]]:
    """Where to cut a row group so that no part gets too many rows: begin, end, and rows between them."""
    if batch_rows is None:
        if rows:
            yield 0, size, rows
        return
    numbers = None if mask is None else pc.indices_nonzero(mask)
    dealt = begin = 0
    room = batch_rows - parts[-1].rows if parts else batch_rows
    while dealt < rows:
        count = min(room or batch_rows, rows - dealt)
        dealt += count
        end = size if dealt == rows else dealt if numbers is None else numbers[dealt].as_py()
        yield begin, end, count
        begin, room = end, batch_rows
