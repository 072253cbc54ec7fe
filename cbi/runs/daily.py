"""The history of runs, added up by day and feed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from cbi.runs.history import HistoryEntry


@dataclass(frozen=True)
class DayOfFeed:
    """What became of the files of a feed whose runs ended on a day, in UTC.

    `longest_lag_seconds` is the longest time from a file's arrival to the end of its run; Cloud Storage's
    generations are microseconds of the arrival.
    """

    runs: int = 0
    failed: int = 0
    skipped: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    longest_lag_seconds: float = 0.0
    last_finished_at: datetime | None = None

    def with_run(self, entry: HistoryEntry) -> "DayOfFeed":
        """The same with one run more."""
        lag = entry.finished_at.timestamp() - entry.generation / 1e6
        last = self.last_finished_at
        return DayOfFeed(
            runs=self.runs + 1,
            failed=self.failed + (entry.status == "failed"),
            skipped=self.skipped + (entry.status == "skipped"),
            rows_loaded=self.rows_loaded + entry.rows_loaded,
            rows_quarantined=self.rows_quarantined + (entry.rows_skipped if entry.status == "success" else 0),
            longest_lag_seconds=round(max(self.longest_lag_seconds, lag), 3),
            last_finished_at=max(entry.finished_at, last) if last else entry.finished_at,
        )


Days = Mapping[date, Mapping[str, DayOfFeed]]
"""By day, and in it by feed."""


def add_up(entries: Iterable[HistoryEntry]) -> dict[date, dict[str, DayOfFeed]]:
    """Runs by the day they ended and by their feed."""
    days: dict[date, dict[str, DayOfFeed]] = {}
    for entry in entries:
        feeds = days.setdefault(entry.finished_at.astimezone(UTC).date(), {})
        feeds[entry.feed] = feeds.get(entry.feed, DayOfFeed()).with_run(entry)
    return days
