"""`index.html` of the output bucket: what became of all files, by day, by feed, and week by week.

Days that are over are kept added up in `history/days.json`: renewing the page lists only the runs since the
day before, a thousand a request, and a week's page is written again only while its runs may change.
"""

from datetime import UTC, date, datetime, time, timedelta

from cbi.contract.catalog import load_feeds
from cbi.gcs.media_types import HTML
from cbi.ops.announce import history_of
from cbi.runs.daily import DayOfFeed, add_up
from cbi.runs.pipeline import IngestionPipeline
from cbi.view.overview import FIRST_DAYS, index_page, week_name, week_page

_DAYS = "history/days.json"

_LISTED_RUNS = 2_000
"""The most runs that a week's page lists: its failed ones, and the newest."""

_Kept = dict[date, dict[str, DayOfFeed]]


def renew_overview(pipeline: IngestionPipeline, now: datetime) -> None:
    """Renew the index and the pages of weeks that may have changed. Raises Transient and Misconfigured."""
    outputs, history = pipeline.outputs, history_of(pipeline)
    stored = outputs.read_versioned(_DAYS, _Kept)
    days, generation = stored or ({}, 0)
    # Yesterday's runs may still have been entered after the page was last renewed.
    since = max(days, default=now.date() - timedelta(days=FIRST_DAYS)) - timedelta(days=1)
    recent = add_up(history.newest(since=_midnight(since)))
    days = {**{day: feeds for day, feeds in days.items() if day < since}, **recent}
    outputs.replace(_DAYS, days, generation)
    expected = {feed.name: feed.expect_every_hours for feed in load_feeds()[0]}
    for monday in {day - timedelta(days=day.weekday()) for day in recent}:
        failed = history.newest(since=_midnight(monday), failed=True, limit=_LISTED_RUNS // 2)
        newest = history.newest(since=_midnight(monday), limit=_LISTED_RUNS)
        end = _midnight(monday + timedelta(days=7))
        runs = {each.run_id: each for each in (*failed, *newest) if each.finished_at < end}
        _write(pipeline, f"weeks/{week_name(monday)}.html", week_page(monday, list(runs.values())))
    _write(pipeline, "index.html", index_page(days, expected, now))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _write(pipeline: IngestionPipeline, name: str, page: str) -> None:
    """Write a page over what is there; a page that another sweep has just written is as good."""
    bucket = pipeline.outputs.bucket
    found = pipeline.store.find(bucket, name)
    generation = found.generation if found is not None else 0
    pipeline.store.replace(bucket, name, page.encode(), HTML, generation)
