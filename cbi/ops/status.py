"""How a deployment is: what waits, what failed, how far the calendar reaches, what of the quotas is used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cbi.gcs.outputs import Outputs
from cbi.ops.announce import history_of
from cbi.ops.ignored import IgnoredFile, newest_ignored
from cbi.ops.sweep import SweepReport
from cbi.runs.history import HistoryEntry
from cbi.runs.pipeline import IngestionPipeline

LOADS_PER_DAY = 1_500
PARTITIONS_PER_DAY = 30_000
"""Of a table, in 24 hours: https://cloud.google.com/bigquery/quotas#load_jobs"""


@dataclass
class FeedStatus:
    """What became of a feed's files in a day."""

    feed: str
    runs: int = 0
    failed: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    last_finished_at: datetime | None = None


@dataclass
class TableStatus:
    """What a table's load jobs have used of its daily quotas, as the reports tell it."""

    table: str
    load_jobs: int = 0
    partitions: int = 0


@dataclass(frozen=True)
class Status:
    """A deployment over the last 24 hours; `last_sweep` is None where none was since yesterday."""

    at: datetime
    last_sweep: SweepReport | None
    calendar_end: date | None
    feeds: tuple[FeedStatus, ...]
    tables: tuple[TableStatus, ...]
    failures: tuple[HistoryEntry, ...]
    ignored: tuple[IgnoredFile, ...]


def status(pipeline: IngestionPipeline) -> Status:
    """Look at the history of a day, the last sweep and the calendar. Raises Transient and Misconfigured."""
    now = datetime.now(UTC)
    history = history_of(pipeline)
    since = now - timedelta(days=1)
    feeds, tables = summarise(history.newest(since=since))
    return Status(
        at=now,
        last_sweep=last_sweep(pipeline.outputs, now),
        calendar_end=pipeline.regimes.calendar().max_date,
        feeds=feeds,
        tables=tables,
        failures=tuple(history.newest(since=since, failed=True, limit=5)),
        ignored=newest_ignored(pipeline, since, limit=5),
    )


def summarise(
    entries: Iterable[HistoryEntry],
) -> tuple[tuple[FeedStatus, ...], tuple[TableStatus, ...]]:
    """Runs, newest first, added up by feed and by table, in the order of their names."""
    feeds: dict[str, FeedStatus] = {}
    tables: dict[str, TableStatus] = {}
    for entry in entries:
        feed = feeds.setdefault(entry.feed, FeedStatus(entry.feed, last_finished_at=entry.finished_at))
        feed.runs += 1
        feed.failed += entry.status == "failed"
        feed.rows_loaded += entry.rows_loaded
        feed.rows_quarantined += entry.rows_skipped if entry.status == "success" else 0
        if entry.table is not None:
            table = tables.setdefault(entry.table, TableStatus(entry.table))
            table.load_jobs += entry.load_jobs
            table.partitions += entry.partitions
    return tuple(feeds[name] for name in sorted(feeds)), tuple(tables[name] for name in sorted(tables))


def last_sweep(outputs: Outputs, now: datetime) -> SweepReport | None:
    """The newest report of today's and yesterday's sweeps; their names are their times."""
    for day in (now, now - timedelta(days=1)):
        if names := [listed.file.name for listed in outputs.list(f"sweeps/{day:%Y-%m-%d}T")]:
            return outputs.read(names[-1], SweepReport)
    return None
