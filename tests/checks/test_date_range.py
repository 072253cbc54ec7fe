"""The dates of a file stay in the feed's bounds."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from support.tables import small_feed

from cbi.checks.quality import DataQualityChecker
from cbi.contract.catalog import load_feed
from cbi.contract.feed import Feed
from cbi.findings import DateRange


def validate(*days: Any, kind: pa.DataType | None = None, feed: Feed | None = None) -> DateRange:
    table = pa.table({"day": pa.array(days, kind or pa.date32())})
    return DataQualityChecker(feed or small_feed()).validate_date_range(table)


def test_the_first_and_last_date_are_found_in_any_order() -> None:
    found = validate(date(2024, 5, 1), None, date(2023, 1, 2), date(2024, 4, 1))
    assert found == DateRange(True, date(2023, 1, 2), date(2024, 5, 1))


def test_both_bounds_are_inside() -> None:
    assert validate(date(2000, 1, 1), date(2049, 12, 31)).is_valid


@pytest.mark.parametrize("outside", [date(1999, 12, 31), date(2050, 1, 1)])
def test_one_date_outside_is_refused_with_what_was_found_and_wanted(outside: date) -> None:
    found = validate(date(2024, 5, 1), outside)
    assert not found.is_valid
    assert found.message is not None
    assert str(outside) in found.message
    assert "it must stay in 2000-01-01 to 2049-12-31" in found.message


@pytest.mark.parametrize("outside", [date(1899, 12, 31), date(2105, 1, 1)])
def test_the_daily_feed_refuses_dates_before_1900_and_in_the_far_future(outside: date) -> None:
    table = pa.table({"data_date": [outside]})
    assert not DataQualityChecker(load_feed("daily_ml_matrix")).validate_date_range(table).is_valid


def test_a_feed_without_bounds_takes_every_date() -> None:
    found = validate(date(1, 1, 1), date(9999, 12, 31), feed=small_feed(checks={}))
    assert found == DateRange(True, date(1, 1, 1), date(9999, 12, 31))


@pytest.mark.parametrize("values", [[], [None]])
def test_a_column_without_a_date_has_no_range(values: list[None]) -> None:
    assert validate(*values) == DateRange(False, message="day holds no date")


def test_dates_written_as_text_are_read() -> None:
    found = validate("2024-05-01", "2024-04-30", kind=pa.string())
    assert found == DateRange(True, date(2024, 4, 30), date(2024, 5, 1))


@pytest.mark.parametrize(("value", "kind"), [("May", pa.string()), (5, pa.int64())])
def test_what_is_no_date_is_refused_and_named(value: Any, kind: pa.DataType) -> None:
    found = validate(value, kind=kind)
    assert (found.is_valid, found.min_date) == (False, None)
    assert found.message is not None
    assert found.message.startswith("day")


def test_a_missing_column_is_named() -> None:
    found = DataQualityChecker(small_feed()).validate_date_range(pa.table({"symbol": ["ZL"]}))
    assert found == DateRange(False, message="there is no column day that holds dates")
