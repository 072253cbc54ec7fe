"""A cast keeps every value or refuses; only NaN and the digits below a microsecond go."""

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import types

from cbi.contract.casts import find_cast
from cbi.contract.feed import ARROW_TYPES
from cbi.contract.times import MICROSECONDS, count_cut
from cbi.contract.unsafe_cast import UnsafeCast

TEXT = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
BYTES = [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(4)]
INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FLOATS = [pa.float16(), pa.float32(), pa.float64()]
DECIMALS = [pa.decimal128(20, 4), pa.decimal256(50, 4)]
UNITS = ["s", "ms", "us", "ns"]
TIMES = [
    pa.date32(),
    pa.date64(),
    *(pa.timestamp(unit, zone) for unit in UNITS for zone in (None, "UTC", "America/New_York")),
]
OTHERS = [pa.list_(pa.int64()), pa.struct([("x", pa.int64())]), pa.time64("us"), pa.duration("us")]
EVERY_TYPE = [*TEXT, *BYTES, *INTEGERS, *FLOATS, *DECIMALS, *TIMES, *OTHERS, pa.bool_(), pa.null()]

ACCEPTED = {
    "STRING": [*TEXT, *BYTES],
    "BYTES": [*TEXT, *BYTES],
    "INT64": [*INTEGERS, *FLOATS, *DECIMALS],
    "FLOAT64": [*INTEGERS, *FLOATS, *DECIMALS],
    "BOOL": [pa.bool_(), *INTEGERS, *FLOATS],
    "DATE": [*TEXT, *TIMES],
    "TIMESTAMP": [*TEXT, *TIMES],
}

NANOSECONDS = st.integers(-(2**62), 2**62)


def cast(values: Any, found: pa.DataType, wanted: str) -> list[Any]:
    way = find_cast(found, wanted)
    assert way is not None, f"{found} is refused as {wanted}"
    result: list[Any] = way.apply(pa.array(values, found)).to_pylist()
    return result


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("wanted", ARROW_TYPES)
@pytest.mark.parametrize("found", EVERY_TYPE, ids=str)
def test_only_columns_that_can_hold_the_wanted_values_are_accepted(found: pa.DataType, wanted: str) -> None:
    way = find_cast(found, wanted)
    assert (way is not None) == (found in ACCEPTED[wanted] or found == pa.null())
    if way is not None:
        assert way.apply(pa.nulls(2, found)) == pa.nulls(2, ARROW_TYPES[wanted])


@pytest.mark.parametrize("wanted", ARROW_TYPES)
def test_a_column_of_the_wanted_type_is_kept(wanted: str) -> None:
    way = find_cast(ARROW_TYPES[wanted], wanted)
    assert way is not None
    assert way.keeps


@given(st.data(), st.sampled_from(INTEGERS))
def test_integers_of_any_width_are_kept_or_refused(data: st.DataObject, kind: pa.DataType) -> None:
    limits = np.iinfo(kind.to_pandas_dtype())
    value = data.draw(st.integers(int(limits.min), int(limits.max)))
    if value < 2**63:
        assert cast([value, None], kind, "INT64") == [value, None]
    else:
        with pytest.raises(UnsafeCast, match=str(value)):
            cast([value], kind, "INT64")


@given(st.floats(allow_infinity=False))
@example(2.0**63)
@example(-(2.0**63))
def test_floats_become_integers_only_when_whole(value: float) -> None:
    if math.isnan(value):
        assert cast([value], pa.float64(), "INT64") == [None]
    elif value.is_integer() and -(2.0**63) <= value < 2.0**63:
        assert cast([value], pa.float64(), "INT64") == [int(value)]
    else:
        with pytest.raises(UnsafeCast):
            cast([value], pa.float64(), "INT64")


@given(st.integers(-(2**63), 2**63 - 1))
@example(2**53 + 1)
def test_integers_become_floats_only_up_to_2_to_the_53(value: int) -> None:
    if abs(value) <= 2**53:
        assert cast([value], pa.int64(), "FLOAT64") == [value]
    else:
        with pytest.raises(UnsafeCast):
            cast([value], pa.int64(), "FLOAT64")


@given(st.decimals(-(10**15), 10**15, places=4))
@example(Decimal("9007199254740993"))
def test_decimals_become_floats_only_with_all_their_digits(value: Decimal) -> None:
    try:
        (kept,) = cast([value], pa.decimal128(38, 4), "FLOAT64")
    except UnsafeCast:
        return
    assert Decimal(kept).quantize(Decimal("0.0001")) == value


@given(st.lists(st.none() | st.floats(width=32)), st.sampled_from([pa.float32(), pa.float64()]))
def test_floats_are_kept_with_null_for_nan(values: list[float | None], kind: pa.DataType) -> None:
    expected = [None if value is None or math.isnan(value) else value for value in values]
    assert cast(values, kind, "FLOAT64") == expected


@pytest.mark.parametrize("kind", [*INTEGERS, *FLOATS], ids=str)
def test_numbers_become_booleans_only_from_0_and_1(kind: pa.DataType) -> None:
    assert cast([0, 1, None], kind, "BOOL") == [False, True, None]
    with pytest.raises(UnsafeCast, match="is neither 0 nor 1"):
        cast([1, 2], kind, "BOOL")


@given(st.datetimes(), st.sampled_from(UNITS[:3]))
def test_naive_times_of_any_unit_are_utc(value: datetime, unit: str) -> None:
    digits = {"s": 10**6, "ms": 10**3, "us": 1}[unit]
    value = value.replace(microsecond=value.microsecond // digits * digits)
    assert cast([value, None], pa.timestamp(unit), "TIMESTAMP") == [value.replace(tzinfo=UTC), None]


@given(st.lists(st.none() | NANOSECONDS))
def test_nanoseconds_are_cut_to_the_microsecond_before_and_counted(values: list[int | None]) -> None:
    column = pa.array(values, pa.timestamp("ns"))
    way = find_cast(column.type, "TIMESTAMP")
    assert way is not None
    cut = [None if value is None else value // 1000 for value in values]
    assert way.apply(column) == pa.array(cut, MICROSECONDS)
    assert count_cut(column) == sum(value is not None and value % 1000 != 0 for value in values)


@given(NANOSECONDS, st.sampled_from(["America/New_York", "Asia/Kolkata", "-03:00"]), st.sampled_from(UNITS))
@example(1_730_611_800 * 10**9, "America/New_York", "ns")  # 1:30 on a day when clocks are put back
def test_the_zone_of_a_column_does_not_move_its_times(nanoseconds: int, zone: str, unit: str) -> None:
    value = nanoseconds // {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
    in_utc, elsewhere = pa.timestamp(unit, "UTC"), pa.timestamp(unit, zone)
    assert cast([value], elsewhere, "TIMESTAMP") == cast([value], in_utc, "TIMESTAMP")


@given(st.dates(), st.sampled_from([pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("us"), *TEXT]))
def test_dates_are_kept_in_whatever_form_they_come(value: date, kind: pa.DataType) -> None:
    midnight = datetime.combine(value, time())
    written = value.isoformat() if kind in TEXT else midnight if pa.types.is_timestamp(kind) else value
    assert cast([written, None], kind, "DATE") == [value, None]
    assert cast([written, None], kind, "TIMESTAMP") == [midnight.replace(tzinfo=UTC), None]


@given(st.datetimes(), st.sampled_from([pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.string()]))
def test_a_time_of_day_is_not_a_date(value: datetime, kind: pa.DataType) -> None:
    value = value if value.time() != time() else value.replace(hour=1)
    written: Any = value.isoformat() if kind == pa.string() else value
    with pytest.raises(UnsafeCast, match="has a time of day"):
        cast([written], kind, "DATE")


def test_a_time_of_day_is_told_as_the_file_has_it() -> None:
    closing = utc("2024-01-02T21:00:00")
    with pytest.raises(
        UnsafeCast, match=r"'2024-01-02 16:00:00\.000000' in America/New_York has a time of day"
    ):
        cast([closing], pa.timestamp("us", "America/New_York"), "DATE")
    with pytest.raises(UnsafeCast, match=r"'2024-01-02T16:00:00-05:00' has a time of day"):
        cast(["2024-01-02T16:00:00-05:00"], pa.string(), "DATE")


@pytest.mark.parametrize("text", ["20240131", "20240131T160000Z", "01/31/2024"])
def test_a_form_that_is_not_taken_is_told_with_one_that_is(text: str) -> None:
    with pytest.raises(UnsafeCast, match="extended form, as 2024-01-31 or 2024-01-31T16:00:00Z"):
        cast([text], pa.string(), "TIMESTAMP")


def test_midnight_is_the_one_of_the_columns_own_zone() -> None:
    midnight_in_new_york = utc("2024-01-02T05:00:00")
    assert cast([midnight_in_new_york], pa.timestamp("us", "America/New_York"), "DATE") == [date(2024, 1, 2)]
    with pytest.raises(UnsafeCast, match="has a time of day"):
        cast([midnight_in_new_york], pa.timestamp("us", "UTC"), "DATE")


@given(
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),
    st.none() | st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    st.sampled_from(TEXT),
    st.sampled_from("T "),
)
def test_iso_text_names_its_zone_or_is_utc(
    value: datetime, zone: timezone | None, kind: pa.DataType, separator: str
) -> None:
    text = value.replace(tzinfo=zone).isoformat(separator)
    assert cast([text, None], kind, "TIMESTAMP") == [value.replace(tzinfo=zone or UTC), None]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2024-01-02T10:00", "2024-01-02T10:00:00"),
        ("2024-01-02T10:00:00Z", "2024-01-02T10:00:00"),
        ("2024-01-02T10:00:00+0530", "2024-01-02T04:30:00"),
        ("2024-01-02 10:00:00.5", "2024-01-02T10:00:00.5"),
        ("2024-01-02T10:00:00.123456789Z", "2024-01-02T10:00:00.123456"),
        (" 2024-01-02 ", "2024-01-02T00:00:00"),
    ],
)
def test_iso_text_may_be_short_or_long(text: str, meant: str) -> None:
    assert cast([text], pa.string(), "TIMESTAMP") == [utc(meant)]


@pytest.mark.parametrize("text", ["", "today", "01/02/2024", "20240102", "2024-02-30", "2024-01-02T25:00:00"])
@pytest.mark.parametrize("wanted", ["DATE", "TIMESTAMP"])
def test_text_that_is_no_iso_time_is_refused_by_its_value(text: str, wanted: str) -> None:
    with pytest.raises(UnsafeCast, match=f"'{text}"):
        cast(["2024-01-02", text], pa.string(), wanted)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (-719_163, pa.date32()),  # the day before 0001-01-01
        (2_932_897, pa.date32()),  # 10000-01-01
        (253_402_300_800, pa.timestamp("s")),
        (2**62, pa.timestamp("s")),
        ("0000-12-31", pa.string()),
    ],
)
@pytest.mark.parametrize("wanted", ["DATE", "TIMESTAMP"])
def test_years_that_bigquery_does_not_know_are_refused(value: Any, kind: pa.DataType, wanted: str) -> None:
    with pytest.raises(UnsafeCast):
        cast([value], kind, wanted)


@given(st.lists(st.none() | st.text()), st.sampled_from(TEXT))
def test_text_is_kept_in_every_encoding(values: list[str | None], kind: pa.DataType) -> None:
    assert cast(values, kind, "STRING") == values


@given(st.binary())
def test_bytes_become_text_only_when_they_are_utf_8(value: bytes) -> None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        with pytest.raises(UnsafeCast, match="UTF8"):
            cast([value], pa.binary(), "STRING")
    else:
        assert cast([value], pa.binary(), "STRING") == [text]


@pytest.mark.parametrize("value", [b"\xff", b"2024-\xff1-01", b"2024-01-01\xff", b"2024-01-01T00:00:0\xff"])
@pytest.mark.parametrize("wanted", ["STRING", "DATE", "TIMESTAMP"])
@pytest.mark.parametrize("found", TEXT, ids=str)
def test_text_that_is_not_utf_8_is_refused_whatever_it_becomes(
    found: pa.DataType, wanted: str, value: bytes
) -> None:
    """Arrow takes the bytes of a parquet file's text as they are."""
    way = find_cast(found, wanted)
    assert way is not None
    stored = pa.array([b"2024-01-01", value, None])
    if types.is_dictionary(found):
        column = stored.view(pa.string()).dictionary_encode()
    elif types.is_large_string(found):
        column = stored.cast(pa.large_binary()).view(found)
    else:
        column = stored.view(pa.string()).cast(found)
    with pytest.raises(UnsafeCast, match="UTF8"):
        way.apply(column)


@given(st.decimals(-(10**9), 10**9, places=4))
def test_a_decimal_becomes_the_nearest_double(value: Decimal) -> None:
    assert cast([value], pa.decimal128(20, 4), "FLOAT64") == [float(value)]
