"""The file's dates have a market regime: rows of other dates go to quarantine, a file of none fails."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from cbi.checks.check import Check, Evidence, FileContext, Outcome
from cbi.contract.feed import Feed
from cbi.contract.quarantine import RejectedRows
from cbi.errors import Reason
from cbi.findings import Failure, RegimeCoverage
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.wording import counted

NO_REGIME = "no regime for this date"


def checks(feed: Feed) -> Iterator[Check[None]]:
    if feed.needs_regime and feed.date_column is not None:
        yield RegimeCoverageCheck(feed.date_column)


@dataclass(frozen=True)
class RegimeCoverageCheck(Check[None]):
    """Looks the dates up in the regime calendar, all at the end, because the pass keeps them anyway."""

    date_column: str

    def columns(self, file: FileContext) -> list[str]:
        return [self.date_column]

    def conclude(self, evidence: Evidence[None]) -> Outcome:
        dates, calendar = evidence.scan.dates, evidence.calendar
        coverage = calendar.validate_date_coverage(dates)
        report = replace(evidence.report, regime_coverage=coverage)
        if not coverage.missing_dates:
            return Outcome(report)
        if not coverage.covered_dates:
            return Outcome(report, (Failure(Reason.NO_REGIME_COVERAGE, _message(coverage, calendar)),))
        # A row without a date lacks that, not a regime.
        has_none = [pc.and_(calendar.lookup(chunk).is_null(), chunk.is_valid()) for chunk in dates.chunks]
        rows = pa.chunked_array(has_none, pa.bool_()).combine_chunks()
        return Outcome(report, quarantined=(RejectedRows(NO_REGIME, rows),))


def _message(coverage: RegimeCoverage, calendar: RegimeCalendar) -> str:
    missing, dates = coverage.missing_dates, counted(coverage.total_dates, "date", "dates")
    return (
        f"none of the file's {dates} ({missing[0]} to {missing[-1]}) has a regime; the"
        f" calendar goes from {calendar.min_date} to {calendar.max_date}: extend it in regimes.yaml, run"
        " `python -m cbi regimes --apply` and drop the file again"
    )
