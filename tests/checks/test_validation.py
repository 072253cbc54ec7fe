"""The verdict on a whole file, in words a person can act on."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from support.tables import CALENDAR, days, open_source, small_feed, small_table

from cbi.checks.validation import Validation, validate
from cbi.contract.feed import Feed
from cbi.contract.parts import DateInterval
from cbi.errors import Reason


def verdict(content: pa.Table | bytes, feed: Feed | None = None, **options: Any) -> Validation:
    return validate(open_source(content, **options), feed or small_feed(), CALENDAR)


def failure(table: pa.Table, feed: Feed | None = None) -> tuple[Reason, str]:
    found = verdict(table, feed)
    assert found.failure is not None
    assert found.date_intervals == ()
    return found.failure.reason, found.failure.message


def test_a_good_file_is_loaded_whole() -> None:
    found = verdict(small_table(40), row_group_size=7)
    report = found.report
    assert (found.failure, found.warnings, report.is_valid) == (None, (), True)
    assert (report.rows_processed, report.rows_enriched, report.rows_skipped) == (40, 40, 0)
    assert (report.date_range.min_date, report.date_range.max_date) == (date(2024, 1, 1), date(2024, 2, 9))
    assert report.regime_coverage.coverage_pct == 100.0
    assert found.date_intervals == (DateInterval(date(2024, 1, 1), date(2024, 2, 9)),)


def test_rows_without_a_regime_are_skipped_and_counted() -> None:
    found = verdict(small_table(40, date(2024, 2, 20)))
    report = found.report
    assert (found.failure, report.is_valid) == (None, True)
    assert (report.rows_processed, report.rows_enriched, report.rows_skipped) == (40, 10, 30)
    assert report.regime_coverage.missing_dates == tuple(days(30, date(2024, 3, 1)))
    assert found.date_intervals == (DateInterval(date(2024, 2, 20), date(2024, 2, 29)),)


def test_a_file_whose_dates_all_lack_a_regime_tells_both_ranges() -> None:
    reason, message = failure(small_table(3, date(2020, 5, 1)))
    assert reason == Reason.NO_REGIME_COVERAGE
    assert "none of the file's 3 dates (2020-05-01 to 2020-05-03) has a regime" in message
    assert "the calendar goes from 2024-01-01 to 2024-02-29" in message
    assert "python -m cbi regimes --apply" in message


def test_a_feed_that_needs_no_regime_takes_dates_without_one() -> None:
    feed = small_feed(enrich={"run_id": "run_id"})
    found = verdict(small_table(3, date(2020, 5, 1)), feed)
    assert (found.failure, found.report.rows_enriched, found.report.rows_skipped) == (None, 3, 0)


def test_a_feed_without_dates_is_loaded_in_one_part() -> None:
    schema = [{"name": "symbol", "type": "STRING", "mode": "REQUIRED"}]
    feed = small_feed(schema=schema, key=["symbol"], enrich={}, checks={}, partition_by=None)
    found = verdict(small_table(1), feed)
    assert (found.failure, found.report.is_valid, len(found.date_intervals)) == (None, True, 1)


def test_a_missing_required_column_is_named() -> None:
    assert failure(small_table().drop_columns("day")) == (
        Reason.VALIDATION_FAILED,
        "The required column day is missing; write the file with it.",
    )


def test_a_missing_required_column_names_the_one_that_was_perhaps_meant() -> None:
    _, message = failure(small_table().rename_columns({"symbol": "symbols"}))
    assert message == "The required column symbol is missing; perhaps it is the file's symbols: rename that."


def test_nulls_in_a_required_column_are_counted() -> None:
    _, message = failure(small_table(3, symbol=["ZL", None, None]))
    assert "The required column symbol is NULL in 2 rows; fill them or leave the rows out." in message


def test_dates_out_of_bounds_are_told_with_the_bounds() -> None:
    _, message = failure(small_table(3, date(1999, 12, 31)))
    assert message == "day goes from 1999-12-31 to 2000-01-02; it must stay in 2000-01-01 to 2049-12-31."


def test_duplicates_are_told_with_the_first_key() -> None:
    table = pa.concat_tables([small_table(5), small_table(2)])
    assert failure(table) == (
        Reason.VALIDATION_FAILED,
        "4 rows share their key (symbol, day) with another, the first (ZL, 2024-01-01); keep one row of each"
        " key.",
    )


def test_a_wrong_type_is_told_with_what_was_wanted() -> None:
    _, message = failure(small_table(3, price=["1.5", "2.5", "3.5"]))
    assert message == "price is string, which cannot become FLOAT64 safely; write it as FLOAT64."


def test_a_required_column_of_a_wrong_type_is_told_once() -> None:
    _, message = failure(small_table(3, day=[1, 2, 3]))
    assert message == "day is int64, which cannot become DATE safely; write it as DATE."


def test_everything_wrong_is_told_in_one_report() -> None:
    table = small_table(3, price=["a", "b", "c"], symbol=[None, "ZL", "ZL"], day=[days(1)[0]] * 3)
    reason, message = failure(table)
    assert reason == Reason.VALIDATION_FAILED
    for part in ("price is string", "symbol is NULL in 1 row;", "2 rows share their key"):
        assert part in message


@pytest.mark.parametrize("count", [0, 3])
def test_a_file_with_nothing_of_the_contract_lacks_its_required_columns(count: int) -> None:
    reason, message = failure(pa.table({"time": pa.array([1] * count, pa.int64())}))
    assert reason == Reason.VALIDATION_FAILED
    assert "symbol is missing" in message
    assert "day is missing" in message


def test_a_file_without_rows_is_empty_but_not_wrong() -> None:
    reason, message = failure(
        small_table(0, symbol=pa.array([], pa.string()), price=pa.array([], pa.float64()))
    )
    assert (reason, message) == (
        Reason.EMPTY_FILE,
        "the file has no rows: write it again, with the day's rows",
    )


def test_names_in_any_script_are_just_names() -> None:
    found = verdict(small_table(2, symbol=["大豆油", "🫘"], цена=[1, 2]))
    assert found.failure is None
    assert found.report.column_types.unknown_columns == ("цена",)
    assert "цена" in found.warnings[0]


def test_a_wrong_value_in_a_later_row_group_is_found() -> None:
    table = pa.concat_tables([*[small_table(2, stale=[0, 1])] * 35_000, small_table(2, stale=[0, 2])])
    found = verdict(table, row_group_size=70_000)
    assert found.failure is not None
    assert "in rows 70,000 to 70,001: '2' is neither 0 nor 1" in found.failure.message
