"""The pages of all runs: an index with a calendar and the feeds, and a page a week with its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import quote

from cbi.runs.daily import DayOfFeed, Days
from cbi.runs.history import HistoryEntry
from cbi.view.page import bars, template
from cbi.wording import counted, duration

FIRST_DAYS = 12 * 7
"""How far back the calendar reaches."""

_PLOTTED_DAYS = 14


@dataclass(frozen=True)
class Cell:
    """A day of the calendar: how its runs ended, in a class and in words, and the page of its week."""

    day: date
    state: str
    title: str
    week: str


@dataclass(frozen=True)
class FeedLine:
    """A feed over the calendar's days, and whether its next file is late."""

    name: str
    runs: int
    failed: int
    loaded: int
    quarantined: int
    lag: str
    last: datetime | None
    overdue: bool


def week_name(day: date) -> str:
    """`2026-W48`: the week that a day is in, by ISO 8601."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def index_page(days: Days, expected: Mapping[str, float | None], now: datetime) -> str:
    """The index. `expected` has every feed, and how many hours it may go without a file, if that is said."""
    first = now.date() - timedelta(days=FIRST_DAYS - 1)
    monday = first - timedelta(days=first.weekday())
    shown = [monday + timedelta(days=number) for number in range((now.date() - monday).days + 1)]
    cells = [_cell(day, days.get(day, {})) for day in shown]
    loaded = {
        str(day): sum(feed.rows_loaded for feed in days.get(day, {}).values())
        for day in shown[-_PLOTTED_DAYS:]
    }
    page: str = template("index.html").render(
        now=now,
        weeks=[(cells[start].week, cells[start : start + 7]) for start in range(0, len(cells), 7)],
        feeds=_feed_lines({day: days[day] for day in shown if day in days}, expected, now),
        loaded=bars(loaded),
        with_runs={week_name(day) for day in days},
    )
    return page


def week_page(monday: date, runs: Sequence[HistoryEntry]) -> str:
    """The runs of a week, failed ones first; `runs` are those to be listed."""
    page: str = template("week.html").render(
        week=week_name(monday),
        monday=monday,
        sunday=monday + timedelta(days=6),
        runs=[(run, _page_link(run)) for run in sorted(runs, key=lambda run: run.status != "failed")],
        duration=duration,
    )
    return page


def _cell(day: date, feeds: Mapping[str, DayOfFeed]) -> Cell:
    runs = sum(feed.runs for feed in feeds.values())
    failed = sum(feed.failed for feed in feeds.values())
    quarantined = sum(feed.rows_quarantined for feed in feeds.values())
    state = "bad" if failed else "some" if quarantined else "good" if runs else "none"
    words = [counted(runs, "run", "runs") if runs else "no runs"]
    words += [f"{failed:,} failed"] if failed else []
    words += [f"{counted(quarantined, 'row', 'rows')} in quarantine"] if quarantined else []
    return Cell(day, state, f"{day}: {', '.join(words)}", week_name(day))


def _feed_lines(days: Days, expected: Mapping[str, float | None], now: datetime) -> list[FeedLine]:
    names = sorted({*expected, *(name for feeds in days.values() for name in feeds)})
    lines = []
    for name in names:
        of_feed = [feeds[name] for feeds in days.values() if name in feeds]
        last = max((day.last_finished_at for day in of_feed if day.last_finished_at), default=None)
        hours = expected.get(name)
        late = hours is not None and (last is None or now - last > timedelta(hours=hours))
        lag = max((day.longest_lag_seconds for day in of_feed[-1:]), default=None)
        lines.append(
            FeedLine(
                name,
                sum(day.runs for day in of_feed),
                sum(day.failed for day in of_feed),
                sum(day.rows_loaded for day in of_feed),
                sum(day.rows_quarantined for day in of_feed),
                "" if lag is None else duration(max(lag, 0)),
                last,
                late,
            )
        )
    return lines


def _page_link(run: HistoryEntry) -> str:
    """From a week's page to a run's; a name too long for its report's to hold is not linked rightly."""
    return f"../reports/{quote(run.name)}/{run.generation}.html"
