"""The pages of all runs: a calendar, the feeds, and a page a week."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from support.browser import audits, needs_chromium

from cbi.runs.daily import add_up
from cbi.runs.history import HistoryEntry
from cbi.view.overview import index_page, week_name, week_page

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
ARRIVED = 1795000000000000


def run(
    number: int, hours: float, status: str = "success", feed: str = "prices", left_out: int = 0
) -> HistoryEntry:
    ended = NOW - timedelta(hours=hours)
    return HistoryEntry(
        run_id=f"{number:024x}",
        finished_at=ended,
        status=status,  # type: ignore[arg-type]
        reason="load_failed" if status == "failed" else None,
        feed=feed,
        table="features.prices",
        uri=f"gs://in/staged/{feed}/a file {number}.parquet",
        generation=int(ended.timestamp() * 1e6) - 2_500_000,
        rows_processed=10,
        rows_loaded=0 if status == "failed" else 10 - left_out,
        rows_skipped=left_out,
        load_jobs=1,
        partitions=1,
        duration_seconds=1.5,
    )


RUNS = [run(1, 1), run(2, 2, "failed"), run(3, 30, left_out=4), run(4, 80, feed="other")]
PAGE = index_page(add_up(RUNS), {"prices": 24, "other": 24, "silent": 1, "free": None}, NOW)


def test_runs_are_added_up_by_day_and_feed() -> None:
    day = add_up(RUNS)[NOW.date()]["prices"]
    assert (day.runs, day.failed, day.rows_loaded, day.rows_quarantined) == (2, 1, 10, 0)
    assert day.longest_lag_seconds == pytest.approx(2.5, abs=0.01)
    assert day.last_finished_at == NOW - timedelta(hours=1)


def test_the_calendar_shows_each_day_by_its_worst() -> None:
    for state, title in (
        ("bad", "2026-11-24: 2 runs, 1 failed"),
        ("some", "2026-11-23: 1 run, 4 rows in quarantine"),
        ("good", "2026-11-21: 1 run"),
        ("none", "2026-11-22: no runs"),
    ):
        assert title in PAGE
        assert f'class="day {state}"' in PAGE[PAGE.index(title) - 90 : PAGE.index(title)]
    assert 'href="weeks/2026-W48.html"' in PAGE


def test_feeds_are_overdue_by_their_contract() -> None:
    rows = {
        line.split('scope="row">')[1].split("<")[0]: line
        for line in PAGE.splitlines()
        if 'scope="row"' in line
    }
    assert {name: "overdue" in line for name, line in rows.items()} == {
        "prices": False,
        "other": True,
        "silent": True,
        "free": False,
    }


def test_a_week_lists_failed_runs_first_and_links_their_pages() -> None:
    page = week_page(date(2026, 11, 23), RUNS[:3])
    assert page.index("load_failed") < page.index("success</b>")
    assert f'href="../reports/staged/prices/a%20file%201.parquet/{RUNS[0].generation}.html"' in page
    assert week_name(date(2026, 12, 31)) == "2026-W53"


@needs_chromium
@pytest.mark.slow("Chromium takes a second to start")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("page", [PAGE, week_page(date(2026, 11, 23), RUNS)], ids=["index", "week"])
def test_in_a_browser_nothing_overflows_or_is_hard_to_read(page: str, dark: bool, tmp_path: Path) -> None:
    for found in audits(page, tmp_path, dark=dark):
        assert found["faults"] == []
