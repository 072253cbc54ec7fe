"""A report as a page: one file without scripts, readable by itself, in light and dark, on any width.

What the run found and did, not the data: beyond the report's own message and warnings no value of the file.
Loaded once a page is to be written, as compiling its template would lengthen a cold start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cbi.findings import ValidationReport
from cbi.runs.report import Report
from cbi.view.facts import STEPS, report_facts
from cbi.view.next_steps import next_steps
from cbi.wording import counted, duration

_BAND_PARTS = 400
"""A coverage band is at most this many pieces: more could not be seen."""


@dataclass(frozen=True)
class Finding:
    """A check's line: its name, whether it passed, and what it found in words."""

    name: str
    passed: bool
    text: str


@dataclass(frozen=True)
class Bar:
    """A bar of a plot: its label, its number in words, and its length in hundredths of the longest."""

    label: str
    text: str
    percent: float


@dataclass(frozen=True)
class Span:
    """A piece of a band, in hundredths of its length."""

    start: float
    length: float
    covered: bool
    title: str


def report_page(report: Report, json_name: str | None = None) -> str:
    """The page of a report as HTML; `json_name` links the report itself, where that is beside the page."""
    checked = report.validation_report
    skipped = report.rows_skipped if report.status == "success" else 0
    page: str = template("report.html").render(
        report=report,
        name=report.source.uri.rpartition("/")[2],
        facts=report_facts(report),
        steps=next_steps(report),
        rows=bars(
            {"in the file": report.rows_processed, "loaded": report.rows_loaded, "in quarantine": skipped}
        ),
        left_out=bars(checked.quarantine_reasons),
        findings=sorted(_findings(checked), key=lambda finding: finding.passed),
        band=coverage_band(checked),
        timings=bars(
            {STEPS.get(step, step): seconds for step, seconds in report.timings.items()}, words=duration
        ),
        json_name=json_name,
    )
    return page


def bars(numbers: Mapping[str, float], words: Any = "{:,}".format) -> list[Bar]:
    """The bars of a plot, in the order of the numbers."""
    longest = max(numbers.values(), default=0) or 1
    return [Bar(label, words(number), round(100 * number / longest, 2)) for label, number in numbers.items()]


def coverage_band(found: ValidationReport) -> list[Span]:
    """The file's time from its first date to its last: which of it has regimes, in pieces.

    A day without a regime makes its piece one without. Empty where the file's dates are not known, or the
    report lists only some of those without a regime.
    """
    first, last = found.date_range.min_date, found.date_range.max_date
    missing = set(found.regime_coverage.missing_dates)
    complete = len(missing) == found.regime_coverage.total_dates - found.regime_coverage.covered_dates
    if first is None or last is None or not found.regime_coverage.total_dates or not complete:
        return []
    days = (last - first).days + 1
    size = -(-days // _BAND_PARTS)
    bad = {(day - first).days // size for day in missing}
    spans: list[Span] = []
    begin = 0
    parts = -(-days // size)
    for part in range(1, parts + 1):
        if part == parts or (part in bad) != (begin in bad):
            spans.append(_span(first, days, begin * size, min(part * size, days), begin not in bad))
            begin = part
    return spans


def _span(first: date, days: int, begin: int, end: int, covered: bool) -> Span:
    start, last = first + timedelta(begin), first + timedelta(end - 1)
    words = "with regimes" if covered else "without"
    return Span(
        round(100 * begin / days, 3),
        round(100 * (end - begin) / days, 3),
        covered,
        f"{start} to {last}: {words}",
    )


def _findings(found: ValidationReport) -> list[Finding]:
    required, types, coverage = found.required_fields, found.column_types, found.regime_coverage
    nulls = {name: number for name, number in required.null_counts.items() if number}
    missing = [f"{name} is missing" for name in required.missing_fields]
    filled = [f"{name} has {counted(number, 'NULL', 'NULLs')}" for name, number in nulls.items()]
    without = coverage.total_dates - coverage.covered_dates
    dates = found.date_range
    unread = "could not be looked at"
    return [
        Finding(
            "required columns",
            required.is_valid,
            "; ".join(missing + filled) or ("all there, without NULLs" if required.is_valid else unread),
        ),
        Finding(
            "dates",
            dates.is_valid,
            dates.message or (f"{dates.min_date} to {dates.max_date}" if dates.min_date else unread),
        ),
        Finding(
            "one row a key",
            found.duplicates.is_valid,
            counted(found.duplicates.duplicate_count, "row shares its key", "rows share their key")
            if found.duplicates.duplicate_count
            else ("no key twice" if found.duplicates.is_valid else unread),
        ),
        Finding(
            "regimes",
            not without and coverage.total_dates > 0,
            f"{without:,} of {counted(coverage.total_dates, 'date', 'dates')} without one"
            if without
            else (
                f"all of {counted(coverage.total_dates, 'date', 'dates')}" if coverage.total_dates else unread
            ),
        ),
        Finding(
            "column types",
            types.is_valid,
            "; ".join(error.message for error in types.errors)
            or ("each becomes its leaf without loss" if types.is_valid else unread),
        ),
    ]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["utc"] = lambda moment: f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return environment


def template(name: str) -> Any:
    """A page of `pages/`, compiled once."""
    return _environment().get_template(name)
