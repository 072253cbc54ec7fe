"""The verdict on a file: every check of its feed, over one pass of the columns that need a look."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa

from cbi.checks.quality import NO_STATISTICS, DataQualityChecker, FooterStatistics, did_you_mean
from cbi.contract.feed import Feed
from cbi.contract.parts import DateInterval, split_dates
from cbi.errors import InvalidFile, Reason
from cbi.findings import Failure, RegimeCoverage, ValidationReport
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.parquet.source import Source

_WHOLE_FILE = (DateInterval(date.min, date.max),)


@dataclass(frozen=True)
class Validation:
    """What a file's look-through found; with a failure nothing of it may be loaded.

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
    source: Source, feed: Feed, calendar: RegimeCalendar, proofs: FooterStatistics = NO_STATISTICS
) -> Validation:
    """Check a file against its feed's contract and the regime calendar; what is proved is not looked at.

    Raises InvalidFile where the file cannot be read at all.
    """
    checker = DataQualityChecker(feed)
    examined = checker.examine(source.schema, source.batches, proofs)
    required = examined.required
    if required.num_columns and len(required) != source.rows:
        message = (
            f"the footer says {source.rows:,} rows, but there are {len(required):,}; write the file again"
        )
        raise InvalidFile(Reason.UNREADABLE_FILE, message)
    dates = _dates(feed, required)
    coverage = calendar.validate_date_coverage(dates) if feed.needs_regime else RegimeCoverage()
    report = ValidationReport(
        required_fields=checker.validate_required_fields(required, proofs),
        date_range=checker.validate_date_range(required),
        duplicates=checker.validate_duplicates(required),
        regime_coverage=coverage,
        column_types=examined.types,
        rows_processed=source.rows,
    )
    failure = _judge(feed, report, calendar)
    if failure is not None:
        return Validation(report, failure, (), required.slice(0, 0), examined.warnings, dates)
    loaded = required
    if coverage.missing_dates:
        has_regime = [calendar.lookup(chunk).is_valid() for chunk in dates.chunks]
        loaded = required.filter(pa.chunked_array(has_regime, pa.bool_()))
    report = replace(report, rows_enriched=len(loaded), rows_skipped=source.rows - len(loaded))
    date_intervals = split_dates(loaded[feed.date_column]) if feed.date_column else _WHOLE_FILE
    return Validation(report, None, date_intervals, loaded.select(list(feed.key)), examined.warnings, dates)


def _dates(feed: Feed, required: pa.Table) -> pa.ChunkedArray:
    """The dates of all rows, or none where the file has no dates that can be read."""
    if feed.date_column not in required.column_names:
        return pa.chunked_array([], pa.date32())
    return required[feed.date_column]


def _judge(feed: Feed, report: ValidationReport, calendar: RegimeCalendar) -> Failure | None:
    if problems := list(_problems(feed, report)):
        return Failure(Reason.VALIDATION_FAILED, " ".join(problems))
    if report.rows_processed == 0:
        return Failure(Reason.EMPTY_FILE, "the file has no rows: write it again, with the day's rows")
    coverage = report.regime_coverage
    if coverage.total_dates and not coverage.covered_dates:
        return Failure(
            Reason.NO_REGIME_COVERAGE,
            f"none of the file's {coverage.total_dates} dates ({report.date_range.min_date} to"
            f" {report.date_range.max_date}) has a regime; the calendar goes from {calendar.min_date} to"
            f" {calendar.max_date}: extend it in regimes.yaml, run `python -m cbi regimes --apply` and drop"
            " the file again",
        )
    return None


def _problems(feed: Feed, report: ValidationReport) -> Iterator[str]:
    """What keeps a file with rows from being loaded, a sentence each."""
    yield from (f"{error.message}." for error in report.column_types.errors)
    mistyped = {error.column for error in report.column_types.errors}
    for name in report.required_fields.missing_fields:
        if name not in mistyped:
            meant = did_you_mean(name, report.column_types.unknown_columns)
            hint = f"perhaps it is the file's {meant}: rename that" if meant else "write the file with it"
            yield f"The required column {name} is missing; {hint}."
    for name, nulls in report.required_fields.null_counts.items():
        if nulls:
            yield f"The required column {name} is NULL in {nulls:,} rows; fill them or leave the rows out."
    date_range = report.date_range
    if date_range.min_date is not None and date_range.message:
        yield f"{date_range.message}."
    if report.duplicates.duplicate_count:
        key, first = ", ".join(feed.key), report.duplicates.keys[0]
        shown = ", ".join(str(value) for value in first.values())
        yield (
            f"{report.duplicates.duplicate_count:,} rows share their key ({key}) with another, the first"
            f" ({shown}); keep one row of each key."
        )
