"""Which runs there were, newest first: a small index that follows the reports.

A run's entry is an empty object whose name begins with how long before the year 2286 it ended, so that Cloud
Storage lists the newest first, a thousand a request, however many there are. Failed runs are listed apart,
too. The entry follows from the report, so it may be written again; what a crash left out the sweep adds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Literal

from cbi.gcs.identity import split_uri
from cbi.gcs.index import ObjectIndex, newest_first
from cbi.runs.report import Report

_ALL = "history/all/"
_FAILED = "history/failed/"


@dataclass(frozen=True)
class HistoryEntry:
    """What a list of runs shows of one. `partitions` is how many its load jobs changed."""

    run_id: str
    finished_at: datetime
    status: Literal["success", "failed", "skipped"]
    reason: str | None
    feed: str
    table: str | None
    uri: str
    generation: int
    rows_processed: int
    rows_loaded: int
    rows_skipped: int
    load_jobs: int
    partitions: int
    duration_seconds: float

    @property
    def name(self) -> str:
        """The staged object's name in its bucket."""
        return split_uri(self.uri)[1]


class History:
    """The runs of a deployment. Methods raise Transient and Misconfigured."""

    def __init__(self, index: ObjectIndex) -> None:
        """`index` is of the output bucket."""
        self._index = index

    def add(self, report: Report) -> None:
        """Enter a run, unless it is entered already."""
        entry = _entry(report)
        name = f"{newest_first(entry.finished_at)}-{entry.run_id}"
        if entry.status == "failed":
            self._index.add(_FAILED + name, entry)
        self._index.add(_ALL + name, entry)

    def add_missing(self, reports: Iterable[Report]) -> int:
        """Enter those of the runs that are not, and return their number."""
        by_id = {report.run_id: report for report in reports}
        if not by_id:
            return 0
        ends = [report.finished_at for report in by_id.values()]
        for entry in self._between(_ALL, min(ends), max(ends)):
            by_id.pop(entry.run_id, None)
        for report in by_id.values():
            self.add(report)
        return len(by_id)

    def newest(
        self,
        *,
        limit: int | None = None,
        since: datetime | None = None,
        feed: str | None = None,
        failed: bool = False,
    ) -> Iterator[HistoryEntry]:
        """Runs, the newest first: at most `limit`, ended at or after `since`, of a feed, or failed ones."""
        at_once = limit if feed is None else None
        entries = self._between(_FAILED if failed else _ALL, since, None, at_once)
        return islice((entry for entry in entries if feed in (None, entry.feed)), limit)

    def _between(
        self, prefix: str, since: datetime | None, until: datetime | None, at_once: int | None = None
    ) -> Iterator[HistoryEntry]:
        first = prefix + newest_first(until) if until else ""
        end = prefix + newest_first(since - timedelta(microseconds=1)) if since else ""
        return self._index.rows(prefix, HistoryEntry, first, end, at_once)


def _entry(report: Report) -> HistoryEntry:
    shared: dict[str, Any] = {
        name: report[name]
        for name in HistoryEntry.__dataclass_fields__
        if name in Report.__dataclass_fields__ and name != "load_jobs"
    }
    return HistoryEntry(
        **shared,
        uri=report.source.uri,
        generation=report.source.generation,
        load_jobs=len(report.load_jobs),
        partitions=sum(job.partitions for job in report.load_jobs),
    )
