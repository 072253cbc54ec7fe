"""Dates and times that files have in another form than ISO text and timestamps."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import small_feed

from cbi.contract.casts import find_cast
from cbi.contract.times import TimeSource
from cbi.contract.unsafe_cast import UnsafeCast
from cbi.errors import Misconfigured

DAY = date(2024, 1, 2)
NEW_YORK = ZoneInfo("America/New_York")


def cast(value: Any, kind: pa.DataType, wanted: str, **source: Any) -> Any:
    found = find_cast(kind, wanted, TimeSource(**source))
    assert found is not None
    return found.apply(pa.array([value, None], kind)).to_pylist()[0]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (20240102, pa.int32()),
        (20240102, pa.uint64()),
        (20240102.0, pa.float64()),
        (Decimal("20240102.00"), pa.decimal128(12, 2)),
        ("20240102", pa.string()),
        (" 20240102 ", pa.large_string()),
        (DAY, pa.date32()),
    ],
)
def test_a_date_of_eight_digits_is_read(value: Any, kind: pa.DataType) -> None:
    assert cast(value, kind, "DATE", format="%Y%m%d") == DAY


@pytest.mark.parametrize("value", [20240230, 2024123, 20241301, 202401021, -20240102, 0])
def test_a_number_that_is_no_date_is_refused(value: int) -> None:
    with pytest.raises(UnsafeCast, match=f"{value}'? ?"):
        cast(value, pa.int64(), "DATE", format="%Y%m%d")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1/2/2024", "%m/%d/%Y"),
        ("02-JAN-24", "%d-%b-%y"),
        ("2 January 2024", "%d %B %Y"),
        ("2.1.24", "%d.%m.%y"),
    ],
)
def test_text_of_a_format_is_read(text: str, form: str) -> None:
    assert cast(text, pa.string(), "DATE", format=form) == DAY


def test_a_missing_number_is_no_date() -> None:
    assert cast(float("nan"), pa.float64(), "DATE", format="%Y%m%d") is None


def test_a_time_of_a_format_is_of_its_zone() -> None:
    read = cast(
        "20240102 16:00", pa.string(), "TIMESTAMP", format="%Y%m%d %H:%M", timezone="America/New_York"
    )
    assert read == datetime(2024, 1, 2, 21, tzinfo=UTC)


CLOSES = [
    (datetime(2024, 1, 3, 3, tzinfo=UTC), pa.timestamp("us", "UTC")),
    (datetime(2024, 1, 3, 3, tzinfo=UTC), pa.timestamp("ns", "Asia/Tokyo")),
    (datetime(2024, 1, 2, 22), pa.timestamp("ms")),
    ("2024-01-03T03:00:00Z", pa.string()),
    ("2024-01-03T12:00:00+09:00", pa.string()),
    ("2024-01-02 22:00", pa.string()),
]


@pytest.mark.parametrize(("value", "kind"), CLOSES)
def test_a_time_belongs_to_the_day_that_clocks_in_its_zone_show(value: Any, kind: pa.DataType) -> None:
    assert cast(value, kind, "DATE", timezone="America/New_York", as_date=True) == DAY


@pytest.mark.parametrize(("value", "kind"), CLOSES)
def test_a_time_that_names_no_zone_is_of_the_contracts(value: Any, kind: pa.DataType) -> None:
    read = cast(value, kind, "TIMESTAMP", timezone="America/New_York")
    assert read == datetime(2024, 1, 3, 3, tzinfo=UTC)


@given(st.datetimes(datetime(1902, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)))
def test_the_day_is_the_one_that_python_finds(time: datetime) -> None:
    day = cast(time, pa.timestamp("us", "UTC"), "DATE", timezone="America/New_York", as_date=True)
    assert day == time.astimezone(NEW_YORK).date()


def test_a_time_of_day_is_dropped_only_where_the_contract_says_so() -> None:
    with pytest.raises(UnsafeCast, match="has a time of day"):
        cast(datetime(2024, 1, 2, 22), pa.timestamp("us"), "DATE", timezone="America/New_York")


@pytest.mark.parametrize("text", ["2024-03-10 02:30", "2024-11-03 01:30"])
def test_an_hour_that_comes_twice_or_not_at_all_is_refused(text: str) -> None:
    with pytest.raises(UnsafeCast, match="write such a time with its zone"):
        cast(text, pa.string(), "TIMESTAMP", timezone="America/New_York")


def test_numbers_are_no_dates_without_a_format() -> None:
    assert find_cast(pa.int64(), "DATE", TimeSource(timezone="UTC")) is None


@pytest.mark.parametrize("value", [Decimal("3.00"), Decimal("-7.00")])
def test_a_whole_decimal_is_an_integer(value: Decimal) -> None:
    assert cast(value, pa.decimal128(20, 2), "INT64") == int(value)


@pytest.mark.parametrize("value", [Decimal("3.50"), Decimal("10000000000000000000.00")])
def test_any_other_decimal_is_refused(value: Decimal) -> None:
    with pytest.raises(UnsafeCast):
        cast(value, pa.decimal128(24, 2), "INT64")


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"type": "STRING", "format": "%Y%m%d"}, "format is there although the type is STRING, not DATE"),
    ({"type": "INT64", "timezone": "UTC"}, "timezone is there although the type is INT64"),
    ({"type": "TIMESTAMP", "as": "date"}, "as is date although the type is TIMESTAMP"),
    ({"type": "DATE", "as": "day"}, "as is 'day'; it must be date"),
    ({"type": "DATE", "format": "%Y%q%d"}, "format has %q; what is read is %Y"),
    ({"type": "DATE", "format": "%Y%m"}, r"format is '%Y%m'; it must have the year \(%Y\)"),
    ({"type": "DATE", "timezone": "Mars/Olympus"}, "timezone is 'Mars/Olympus', which is not known"),
]


@pytest.mark.parametrize(("field", "said"), MISTAKES)
def test_a_mistake_is_told(field: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=rf"schema\[3\]\.{said}"):
        small_feed(schema=[*_key_columns(), {"name": "x", "type": "BOOL"}, {"name": "y", **field}], enrich={})


def _key_columns() -> list[dict[str, Any]]:
    return [
        {"name": "symbol", "type": "STRING", "mode": "REQUIRED"},
        {"name": "day", "type": "DATE", "mode": "REQUIRED"},
    ]
