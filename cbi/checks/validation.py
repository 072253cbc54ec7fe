"""The verdict on a file: what its checks conclude, put together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from cbi.checks.check import Evidence, Outcome
from cbi.checks.registry import CHECKS, MakeChecks
from cbi.checks.scan import ScannedFile, scan_file
from cbi.contract.feed import Feed
from cbi.contract.parts import DateInterval, split_dates
from cbi.findings import Failure, RegimeCoverage, ValidationReport
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.parquet.source import Source

_WHOLE_FILE = (DateInterval(date.min, date.max),)


@dataclass(frozen=True)
class Validation:
    """What was found in a file; with a failure nothing of it may be loaded.

    `date_intervals` are the dates of the rows to load, one interval for each part, and `keys` those rows'
    keys. `dates` are those of all rows (date32); there are none in a feed without dates.
    """

    report: ValidationReport
    failure: Failure | None
    date_intervals: tuple[DateInterval, ...]
    keys: pa.Table
    warnings: tuple[str, ...]
    dates: pa.ChunkedArray


def validate(
    source: Source, feed: Feed, calendar: RegimeCalendar, checks: Sequence[MakeChecks] = CHECKS
) -> Validation:
    """Check a file against its feed's contract and the regime calendar.

    Raises InvalidFile where the file cannot be read at all.
    """
    return judge(scan_file(source, feed, checks), calendar)


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
        outcomes.append(check.conclude(Evidence(scan, seen, calendar, report)))
        report = outcomes[-1].report
    warnings = tuple(warning for outcome in outcomes for warning in outcome.warnings)
    failure = _first_failure(failure for outcome in outcomes for failure in outcome.failures)
    if failure is not None:
        return Validation(report, failure, (), scan.kept.slice(0, 0), warnings, scan.dates)
    masks = [outcome.quarantined for outcome in outcomes if outcome.quarantined is not None]
    loaded = scan.kept.filter(pc.invert(reduce(pc.or_, masks))) if masks else scan.kept
    report = replace(report, rows_enriched=len(loaded), rows_skipped=scan.file.rows - len(loaded))
    date_intervals = split_dates(loaded[feed.date_column]) if feed.date_column else _WHOLE_FILE
    return Validation(report, None, date_intervals, loaded.select(list(feed.key)), warnings, scan.dates)


def _first_failure(failures: Iterable[Failure]) -> Failure | None:
    """The first reason there is, with the sentences of all checks that fail the file for it."""
    found = list(failures)
    if not found:
        return None
    reason = found[0].reason
    return Failure(reason, " ".join(failure.message for failure in found if failure.reason is reason))
