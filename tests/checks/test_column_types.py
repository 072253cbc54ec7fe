"""A file's columns against the contract: wrong types are errors, unknown columns warnings."""

from typing import Any

import pyarrow as pa
import pytest
from support.tables import CALENDAR, open_source, small_feed, small_table

from cbi.checks import validation
from cbi.checks.near_names import did_you_mean
from cbi.checks.quality import DataQualityChecker
from cbi.checks.validation import Validation
from cbi.contract.catalog import load_feed
from cbi.findings import ColumnTypes

checker = DataQualityChecker(small_feed())


def validate(**columns: pa.DataType) -> ColumnTypes:
    return checker.validate_column_types(pa.schema(columns.items()))


def look_at(table: pa.Table, **options: Any) -> Validation:
    return validation.validate(open_source(table, **options), small_feed(), CALENDAR)


def test_columns_of_the_contracts_types_are_kept_and_others_cast() -> None:
    found = validate(symbol=pa.string(), day=pa.timestamp("us"), price=pa.float64(), bid_count=pa.float32())
    assert (found.is_valid, found.errors, found.cast_columns) == (True, (), ("day", "bid_count"))


def test_columns_of_the_contract_that_the_file_lacks_are_listed() -> None:
    assert validate(symbol=pa.string(), day=pa.date32()).absent_columns == (
        "price",
        "bid_count",
        "stale",
        "seen_at",
        "volatility",
    )


def test_a_type_that_no_value_can_mend_is_an_error_with_found_and_wanted() -> None:
    (error,) = validate(price=pa.string()).errors
    assert (error.column, error.found, error.wanted) == ("price", "string", "FLOAT64")
    assert error.message == "price is string, which cannot become FLOAT64 safely; write it as FLOAT64"


def test_a_value_that_cannot_be_cast_is_an_error_with_its_rows() -> None:
    table = pa.concat_tables(
        [*[small_table(2, bid_count=[1.0, 2.0])] * 35_000, small_table(2, bid_count=[4.5, 5.5])]
    )
    (error,) = look_at(table, row_group_size=70_000).report.column_types.errors
    assert (error.column, error.found, error.wanted) == ("bid_count", "double", "INT64")
    assert "in rows 70,000 to 70,001" in error.message
    assert "4.5" in error.message


def test_every_wrong_column_is_told_at_once() -> None:
    table = small_table(2, day=["2024-01-01", "soon"], bid_count=[0.5, 1.5], stale=["no", "yes"])
    found = look_at(table).report.column_types
    assert (found.is_valid, {error.column for error in found.errors}) == (
        False,
        {"day", "bid_count", "stale"},
    )


def test_a_column_written_twice_is_an_error() -> None:
    table = pa.table([*small_table().columns, pa.array([2.5] * 3)], names=["symbol", "day", "price", "price"])
    (error,) = look_at(table).report.column_types.errors
    assert error.message == "the file has 2 columns called price; write it once"


def test_an_unknown_column_written_twice_is_just_unknown() -> None:
    table = pa.table(
        [*small_table().columns, *[pa.array([2.5] * 3)] * 2], names=["symbol", "day", "price", "x", "x"]
    )
    found = look_at(table).report.column_types
    assert (found.is_valid, found.unknown_columns) == (True, ("x",))


def test_no_name_is_suggested_that_the_file_has_already() -> None:
    found = look_at(small_table(2, PRICE=[1, 2]))
    assert found.report.column_types.unknown_columns == ("PRICE",)
    assert not any("did you mean" in warning for warning in found.warnings)


def test_400_unknown_columns_are_one_warning_that_names_20() -> None:
    unknown: dict[str, Any] = {f"extra_{number:03}": [0.0] * 3 for number in range(400)}
    found = look_at(small_table(3, **unknown))
    assert found.report.column_types.is_valid
    assert found.report.column_types.unknown_columns == tuple(unknown)
    (warning,) = found.warnings
    assert warning.startswith("400 columns are not in the contract of small, and not loaded: extra_000,")
    assert warning.endswith("extra_019 and 380 more")


def test_columns_that_are_computed_are_not_taken_from_the_file() -> None:
    found = validate(symbol=pa.string(), day=pa.date32(), name=pa.string(), run_id=pa.string())
    assert found.unknown_columns == ("name", "run_id")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("distance_to_nearest", "distance_to_nearest_pivot"),
        ("DATA_DATE", "data_date"),
        ("datadate", "data_date"),
        ("trump_sentiment_7", "trump_sentiment_7d"),
        ("p", "P"),
        ("provenance", None),
        ("Δ", None),
    ],
)
def test_the_name_meant_is_the_one_close_by(name: str, meant: str | None) -> None:
    assert did_you_mean(name, load_feed("daily_ml_matrix").sources) == meant


@pytest.mark.parametrize(
    "times",
    [
        pa.array([1, 1_000, None], pa.timestamp("ns")),
        pa.array(["2024-01-02T10:00:00.000000001Z", "2024-01-02T10:00:00.123456000Z", None]),
    ],
    ids=["timestamps", "text"],
)
def test_times_that_lose_their_nanoseconds_are_counted_in_a_warning(times: pa.Array) -> None:
    (warning,) = look_at(small_table(3, seen_at=times)).warnings
    assert warning.startswith("seen_at: 1 time")
    assert "nanoseconds" in warning


def test_the_key_comes_out_in_the_contracts_types() -> None:
    table = small_table(4, symbol=pa.array(["a", "b", "a", "b"], pa.large_string()))
    times = table.set_column(1, "day", table["day"].cast(pa.timestamp("ns")))
    keys = look_at(times, row_group_size=1).keys
    assert keys["symbol"].to_pylist() == ["a", "b", "a", "b"]
    assert keys["day"] == table["day"]
