"""The file's dates stay in the bounds of its feed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from cbi.checks.check import CastBatch, Check, Evidence, FileContext, Outcome, validation_failures
from cbi.contract.casts import Cast, find_cast
from cbi.contract.feed import Feed
from cbi.contract.unsafe_cast import UnsafeCast
from cbi.findings import DateRange


def checks(feed: Feed) -> Iterator[Check[pa.Array]]:
    yield DateRangeCheck(feed)


@dataclass(frozen=True)
class DateRangeCheck(Check[pa.Array]):
    """Finds the first and the last date; of each batch it remembers those two."""

    feed: Feed

    def columns(self, file: FileContext) -> list[str]:
        name = _bounded_column(self.feed)
        return [] if name is None else [name]

    def look(self, batch: CastBatch) -> pa.Array | None:
        name = _bounded_column(self.feed)
        if name is None or name not in batch.columns:
            return None
        extremes = pc.min_max(batch.columns[name])
        return pa.array([extremes["min"], extremes["max"]], pa.date32())

    def conclude(self, evidence: Evidence[pa.Array]) -> Outcome:
        name = _bounded_column(self.feed)
        extremes = {}
        if name is not None and evidence.scan.is_readable(name):
            extremes[name] = pa.chunked_array(evidence.seen, pa.date32())
        found = find_date_range(self.feed, pa.table(extremes))
        outside = found.min_date is not None and found.message is not None
        sentences = [f"{found.message}."] if outside else []
        return Outcome(replace(evidence.report, date_range=found), validation_failures(sentences))


def find_date_range(feed: Feed, table: pa.Table) -> DateRange:
    """Hold a table's dates against the feed's bounds; a feed without bounds takes every date."""
    bounds, name = feed.date_bounds, _bounded_column(feed)
    if name is None:
        return DateRange(is_valid=True)
    if name not in table.column_names:
        return DateRange(is_valid=False, message=f"there is no column {name} that holds dates")
    cast = find_cast(table[name].type, "DATE", feed.sources[name].field.times)
    if cast is None:
        return DateRange(is_valid=False, message=f"{name} is {table[name].type} and holds no dates")
    try:
        extremes = pc.min_max(table[name] if cast.keeps else _cast_chunks(cast, table[name]))
    except UnsafeCast as error:
        return DateRange(is_valid=False, message=f"{name}: {error}")
    first, last = extremes["min"].as_py(), extremes["max"].as_py()
    if first is None:
        return DateRange(is_valid=False, message=f"{name} holds no date")
    if bounds and not bounds.min <= first <= last <= bounds.max:
        message = f"{name} goes from {first} to {last}; it must stay in {bounds.min} to {bounds.max}"
        return DateRange(False, first, last, message)
    return DateRange(True, first, last)


def _bounded_column(feed: Feed) -> str | None:
    return feed.date_bounds.column if feed.date_bounds else feed.date_column


def _cast_chunks(cast: Cast, column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([cast.apply(chunk) for chunk in column.chunks], cast.wanted)
