"""A report as a page: small, quick, without scripts, failures first, no more of the data than its message."""

import dataclasses
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from support.browser import audits, needs_chromium
from support.stored_reports import RUNS, stored_report

from cbi.findings import ColumnTypes, DateRange, RegimeCoverage, ValidationReport
from cbi.runs.report import Report
from cbi.view.page import coverage_band, report_page

ROOT = Path(__file__).parents[2]


def wide_report(columns: int = 2000) -> Report:
    """The report of a file with many columns that the contract does not know."""
    names = tuple(f"feature_{number:04}_of_the_desk" for number in range(columns))
    found = dataclasses.replace(
        stored_report("success").validation_report, column_types=ColumnTypes(True, cast_columns=names)
    )
    return dataclasses.replace(stored_report("success"), validation_report=found)


@pytest.mark.parametrize("run", RUNS)
def test_a_page_tells_how_a_run_ended_and_needs_nothing_but_itself(run: str) -> None:
    report = stored_report(run)
    page = report_page(report, "1.json")
    assert f"<title>{report.status}: " in page
    assert report.run_id in page
    for outside in ("<script", "<link", "<img", "http://", "https://", "@import", "url("):
        assert outside not in page
    assert len(page) < 20_000


def test_failures_come_first_with_what_to_do() -> None:
    page = report_page(stored_report("validation_failed"))
    message = page.index('aria-label="What became of the file"')
    assert message < page.index("drop the file again") < page.index("<h2>Rows</h2>")
    checks = page[page.index("<h2>Checks</h2>") :]
    assert checks.index("not-passed") < checks.index('"passed"')


def test_text_of_a_file_is_not_taken_for_html() -> None:
    report = dataclasses.replace(stored_report("success"), message="<script>alert(1)</script>")
    page = report_page(report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_keys_of_the_file_are_not_shown() -> None:
    report = stored_report("existing_keys")
    assert report.existing_keys is not None
    quiet = dataclasses.replace(report, message="", warnings=())
    page = report_page(quiet)
    assert not any(
        str(key["day"]) in page.replace(str(quiet.validation_report.date_range), "")
        for key in report.existing_keys.keys[1:-1]
    )


def test_two_thousand_columns_are_small_and_quick() -> None:
    report = wide_report()
    report_page(report)
    best = min(_seconds(report) for _ in range(5))
    assert best < 0.03
    assert len(report_page(report).encode()) < 200_000


def _seconds(report: Report) -> float:
    begun = time.perf_counter()
    report_page(report)
    return time.perf_counter() - begun


def found(first: date, last: date, missing: list[date]) -> ValidationReport:
    days = (last - first).days + 1
    return ValidationReport(
        date_range=DateRange(True, first, last),
        regime_coverage=RegimeCoverage(days, days - len(missing), tuple(missing)),
    )


def test_the_band_shows_where_regimes_are_missing() -> None:
    first = date(2024, 1, 1)
    spans = coverage_band(found(first, first + timedelta(9), [first + timedelta(day) for day in (4, 5)]))
    assert [(span.start, span.length, span.covered) for span in spans] == [
        (0, 40, True),
        (40, 20, False),
        (60, 40, True),
    ]
    assert spans[1].title == "2024-01-05 to 2024-01-06: without"


def test_the_band_of_ten_years_is_a_few_hundred_pieces_that_fill_it() -> None:
    first = date(2015, 1, 1)
    missing = [first + timedelta(day) for day in range(0, 3650, 37)]
    spans = coverage_band(found(first, first + timedelta(3649), missing))
    assert len(spans) <= 400
    assert sum(span.length for span in spans) == pytest.approx(100, abs=0.2)
    assert sum(not span.covered for span in spans) == len(missing)


def test_there_is_no_band_where_the_dates_are_not_all_known() -> None:
    whole = found(date(2024, 1, 1), date(2024, 1, 9), [date(2024, 1, 2)])
    cut = dataclasses.replace(whole, regime_coverage=RegimeCoverage(9, 2, (date(2024, 1, 2),)))
    assert coverage_band(whole)
    assert coverage_band(cut) == []
    assert coverage_band(ValidationReport()) == []


@needs_chromium
@pytest.mark.slow("Chromium takes a second to start")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("run", ["quarantined", "validation_failed", "unreadable", "duplicate", "wide"])
def test_in_a_browser_nothing_overflows_or_is_hard_to_read(run: str, dark: bool, tmp_path: Path) -> None:
    report = wide_report() if run == "wide" else stored_report(run)
    narrow, broad = audits(report_page(report, "1.json"), tmp_path, dark=dark)
    assert (narrow["width"], broad["width"]) == (360, 1200)
    assert (narrow["dark"], narrow["faults"], broad["faults"]) == (dark, [], [])
    assert narrow["links"] == ["1.json"]


@needs_chromium
@pytest.mark.slow("Chromium takes a second to start")
def test_the_audit_finds_what_it_looks_for(tmp_path: Path) -> None:
    page = "<html><body style='color:#aaa'><h3>x</h3><svg></svg><p style='width:2000px'>y</p><a></a><img>"
    narrow, _ = audits(page, tmp_path, dark=False)
    told = " ".join(narrow["faults"])
    for fault in (
        "overflow",
        "no lang",
        "no title",
        "contrast",
        "no name",
        "empty link",
        "heading",
        "needs more",
    ):
        assert fault in told


def test_the_function_loads_no_page_before_one_is_written() -> None:
    program = (
        "import main, sys; sys.exit(' '.join(name for name in sys.modules if name.startswith('cbi.view')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.strip() == ""
