"""The verdict on a file: what its checks conclude, put together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa

from cbi.checks.check import Evidence, Outcome
from cbi.checks.registry import CHECKS, MakeChecks
from cbi.checks.scan import ScannedFile, scan_file
from cbi.contract.feed import Feed
from cbi.contract.parts import DateInterval, split_dates
from cbi.contract.quarantine import Quarantine
from cbi.errors import Reason
from cbi.findings import Failure, RegimeCoverage, ValidationReport
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.parquet.source import Source

_WHOLE_FILE = (DateInterval(date.min, date.max),)


@dataclass(frozen=True)
class Validation:
    """What was found in a file; with a failure nothing of it may be loaded.

    `date_intervals` are the dates of the rows to load, one interval for each part, and `keys` those rows'
    keys. `quarantine` has the rows that are left out, None where none is. `dates` are those of all rows
    (date32), 0001-01-01 for a row left out for want of one; there are none in a feed without dates.
    """

    report: ValidationReport
    failure: Failure | None
    date_intervals: tuple[DateInterval, ...]
    keys: pa.Table
    warnings: tuple[str, ...]
    dates: pa.ChunkedArray
    quarantine: Quarantine | None = None


def validate(
    source: Source,
    feed: Feed,
    calendar: RegimeCalendar,
    checks: Sequence[MakeChecks] = CHECKS,
    object_name: str = "",
) -> Validation:
    """Check a file against its feed's contract and the regime calendar.

    `object_name` is what it is called in its bucket.

    Raises InvalidFile where the file cannot be read at all.
    """
    return judge(scan_file(source, feed, checks, object_name), calendar)


def judge(file: ScannedFile, calendar: RegimeCalendar) -> Validation:
    """Let every check conclude from what was read, which is not read again for another calendar.

    Raises InvalidFile where the file cannot be read at all.
    """
    scan, feed = file.scan, file.scan.file.feed
    # A feed that needs no regimes lacks none.
    coverage = RegimeCoverage() if feed.needs_regime else RegimeCoverage(coverage_pct=100.0)
    report = ValidationReport(rows_processed=scan.file.rows, regime_coverage=coverage)
    outcomes = list[Outcome]()
    for check, seen in file.observations:
        outcomes.append(check.conclude(Evidence(scan, seen, calendar, report, _quarantine(outcomes))))
        report = outcomes[-1].report
    warnings = tuple(warning for outcome in outcomes for warning in outcome.warnings)
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    quarantine = _quarantine(outcomes)
    if quarantine is not None:
        report = replace(report, quarantine_reasons=dict(quarantine.counts))
        if not quarantine.loaded.true_count:
            failures.append(_nothing_left(quarantine))
    if failures:
        failure = _first_failure(failures)
        return Validation(report, failure, (), scan.kept.slice(0, 0), warnings, scan.dates)
    loaded = scan.kept if quarantine is None else scan.kept.filter(quarantine.loaded)
    report = replace(report, rows_enriched=len(loaded), rows_skipped=scan.file.rows - len(loaded))
    date_intervals = split_dates(loaded[feed.date_column]) if feed.date_column else _WHOLE_FILE
    keys, dates = loaded.select(list(feed.key)), scan.dates.fill_null(date.min)
    return Validation(report, None, date_intervals, keys, warnings, dates, quarantine)


def _quarantine(outcomes: Iterable[Outcome]) -> Quarantine | None:
    """The rows that any of the checks leaves out."""
    rejected = [each for outcome in outcomes for each in outcome.quarantined if each.rows.true_count]
    return Quarantine(tuple(rejected)) if rejected else None


def _nothing_left(quarantine: Quarantine) -> Failure:
    reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in quarantine.counts.items())
    message = f"None of the file's {len(quarantine.rows):,} rows can be loaded ({reasons})."
    return Failure(Reason.VALIDATION_FAILED, message)


def _first_failure(failures: Sequence[Failure]) -> Failure:
    """One reason, with the sentences of all checks that fail the file for it."""
    # What is wrong with the file comes before what the calendar lacks.
    reasons = [failure.reason for failure in failures]
    reason = Reason.VALIDATION_FAILED if Reason.VALIDATION_FAILED in reasons else reasons[0]
    return Failure(reason, " ".join(failure.message for failure in failures if failure.reason is reason))
