"""What every way is given, and what it must do with it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from msgspec import structs

from cbi.contract import DEFAULT_FEED
from cbi.contract.catalog import load_feed
from cbi.contract.feed import Checks, Feed, Field
from cbi.lookups.regime_calendar import RegimeCalendar, load_regimes_file

_GROUP = 100


@dataclass(frozen=True)
class Found:
    """What the checks found: rows that share their key with another, and distinct dates without a regime."""

    duplicates: int
    uncovered: int

    @property
    def clean(self) -> bool:
        return not self.duplicates and not self.uncovered


@dataclass(frozen=True)
class Task:
    """Check the flat file at `source`; where nothing is wrong with it, write it nested to `target`.

    That is: find rows with the same (symbol, data_date), find dates without a regime, join the regimes by
    date, put the columns into STRUCTs in the table's order, write parquet.
    """

    source: Path
    target: Path
    feed: Feed
    calendar: RegimeCalendar
    finalized_at: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)
    run_id: str = "0123456789abcdef01234567"

    @cached_property
    def days(self) -> pa.Table:
        """The calendar as a table: date, regime, weight."""
        first, last = self.calendar.min_date, self.calendar.max_date
        assert first is not None
        assert last is not None
        days = pa.array(range((first - _EPOCH).days, (last - _EPOCH).days + 1), pa.int32()).cast(pa.date32())
        numbers = self.calendar.lookup(days)
        names, weights = self.calendar.names.take(numbers), self.calendar.weights.take(numbers)
        return pa.table({"date": days, "regime": names, "weight": weights})


_EPOCH = datetime(1970, 1, 1).date()


def make_task(source: Path, target: Path, extra_columns: int = 0) -> Task:
    return Task(source, target, wide_feed(extra_columns), load_regimes_file())


def wide_feed(extra_columns: int = 0) -> Feed:
    """The default feed with `extra_columns` more features in STRUCTs of a hundred, with the task's checks."""
    feed = load_feed(DEFAULT_FEED)
    checks = Checks(date_range=feed.date_bounds)
    extra = [
        Field(
            f"more_{begin // _GROUP}",
            "STRUCT",
            fields=tuple(
                Field(f"feature_{number:04d}", "FLOAT64")
                for number in range(begin, min(begin + _GROUP, extra_columns))
            ),
        )
        for begin in range(0, extra_columns, _GROUP)
    ]
    return structs.replace(feed, checks=checks, schema=(*feed.schema, *extra))
