"""A check is added by one file and a line: here both are in the test, and nothing else knows of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from support.tables import CALENDAR, small_feed, small_table, to_parquet

from cbi.checks.check import CastBatch, Check, Evidence, FileContext, Outcome, validation_failures
from cbi.checks.regime_coverage import NO_REGIME
from cbi.checks.registry import CHECKS
from cbi.checks.validation import Validation, validate
from cbi.contract.feed import Feed
from cbi.contract.quarantine import RejectedRows
from cbi.errors import Reason
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.source import ParquetSource, Source


@dataclass(frozen=True)
class NotNegative(Check[pa.Array]):
    """The column has no number below 0; of each batch it remembers which rows have one."""

    column: str
    action: str

    def columns(self, file: FileContext) -> list[str]:
        if self.column not in file.casts:
            return []
        bounds = file.statistics.bounds(self.column)
        proved = bounds is not None and (bounds.min is None or bounds.min >= 0)
        return [] if proved else [self.column]

    def look(self, batch: CastBatch) -> pa.Array | None:
        if self.column not in batch.columns:
            return None
        return pc.fill_null(pc.less(batch.columns[self.column], 0), False)

    def conclude(self, evidence: Evidence[pa.Array]) -> Outcome:
        rows = pa.chunked_array(evidence.seen, pa.bool_())
        found = pc.sum(rows).as_py()
        if not found or not evidence.scan.is_readable(self.column):
            return Outcome(evidence.report)
        first = evidence.scan.kept.filter(rows).slice(0, 1).to_pylist()[0]
        sentence = f"{self.column} is below 0 in {found} rows, the first ({first['symbol']}, {first['day']})."
        match self.action:
            case "fail":
                return Outcome(evidence.report, validation_failures([sentence]))
            case "warn":
                return Outcome(evidence.report, warnings=(sentence,))
            case _:
                rejected = RejectedRows(f"{self.column} is below 0", rows.combine_chunks())
                return Outcome(evidence.report, quarantined=(rejected,))


class RecordingFlatFile(FlatFile):
    """A flat file that remembers which columns were asked of it."""

    asked: Sequence[str] | None = ()

    def batches(
        self, columns: Sequence[str] | None = None, as_dictionary: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        self.asked = columns
        return super().batches(columns, as_dictionary)


def flat_file(table: pa.Table) -> RecordingFlatFile:
    content = to_parquet(table, row_group_size=4)
    return RecordingFlatFile(lambda start, length: content[start : start + length], len(content))


def streamed_file(table: pa.Table) -> ParquetSource:
    return ParquetSource(pa.BufferReader(to_parquet(table, row_group_size=4)))


def verdict(source: Source, action: str = "fail") -> Validation:
    def not_negative(feed: Feed) -> Iterator[Check[Any]]:
        yield NotNegative("bid_count", action)

    return validate(source, small_feed(), CALENDAR, (*CHECKS, not_negative))


both_sources = pytest.mark.parametrize("opened", [flat_file, streamed_file])
BAD = small_table(10, bid_count=[5, 0, None, 3, 1, 2, -7, 4, -1, 6])
GOOD = small_table(10, bid_count=list(range(10)))


@both_sources
def test_it_fails_a_file_with_a_sentence(opened: Any) -> None:
    found = verdict(opened(BAD))
    assert found.failure is not None
    assert found.failure.reason is Reason.VALIDATION_FAILED
    assert found.failure.message == "bid_count is below 0 in 2 rows, the first (ZL, 2024-01-07)."


@both_sources
def test_its_sentence_stands_with_those_of_the_others(opened: Any) -> None:
    found = verdict(opened(pa.concat_tables([BAD, BAD])))
    assert found.failure is not None
    assert "20 rows share their key" in found.failure.message
    assert "bid_count is below 0 in 4 rows" in found.failure.message


@both_sources
def test_it_may_quarantine_rows(opened: Any) -> None:
    found = verdict(opened(BAD), "quarantine")
    assert (found.failure, found.report.rows_enriched, found.report.rows_skipped) == (None, 8, 2)
    assert [day.day for day in found.keys["day"].to_pylist()] == [1, 2, 3, 4, 5, 6, 8, 10]


@both_sources
def test_rows_that_two_checks_quarantine_are_counted_once(opened: Any) -> None:
    table = small_table(4, CALENDAR.ranges[-1].last, bid_count=[1, -1, 1, -1])
    found = verdict(opened(table), "quarantine")
    assert (found.report.rows_enriched, found.report.rows_skipped) == (1, 3)
    assert found.report.quarantine_reasons == {NO_REGIME: 3, "bid_count is below 0": 2}


@both_sources
def test_it_may_warn(opened: Any) -> None:
    found = verdict(opened(BAD), "warn")
    assert (found.failure, found.report.rows_skipped) == (None, 0)
    assert found.warnings == ("bid_count is below 0 in 2 rows, the first (ZL, 2024-01-07).",)


@both_sources
def test_a_good_file_passes(opened: Any) -> None:
    found = verdict(opened(GOOD))
    assert (found.failure, found.warnings, found.report.rows_enriched) == (None, (), 10)


@both_sources
def test_a_column_that_the_file_lacks_is_no_concern_of_it(opened: Any) -> None:
    assert verdict(opened(small_table(10))).failure is None


@both_sources
def test_a_column_that_cannot_be_cast_fails_for_that_alone(opened: Any) -> None:
    found = verdict(opened(small_table(10, bid_count=[-0.5] * 10)))
    assert found.failure is not None
    assert "should become INT64" in found.failure.message
    assert "below 0" not in found.failure.message


def test_what_the_footer_proves_is_not_read() -> None:
    bad, good = flat_file(BAD), flat_file(GOOD)
    verdict(bad)
    verdict(good)
    assert set(bad.asked or ()) - set(good.asked or ()) == {"bid_count"}


class NeedsNoValues(Check[None]):
    """Asks for no column, so it must be shown none."""

    def look(self, batch: CastBatch) -> None:
        raise AssertionError(f"shown {list(batch.columns)}")

    def conclude(self, evidence: Evidence[None]) -> Outcome:
        return Outcome(evidence.report, warnings=(f"{evidence.scan.file.rows} rows",))


@both_sources
def test_a_check_of_no_column_is_shown_no_batches(opened: Any) -> None:
    found = validate(opened(GOOD), small_feed(), CALENDAR, (*CHECKS, lambda feed: [NeedsNoValues()]))
    assert (found.failure, found.warnings) == (None, ("10 rows",))
