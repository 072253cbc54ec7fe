"""The columns a file must have are there, and without NULLs."""

import pyarrow as pa
from support.tables import days, small_feed, small_table

from cbi.checks.quality import DataQualityChecker
from cbi.findings import RequiredFields

checker = DataQualityChecker(small_feed())


def test_a_table_with_all_of_them_is_valid() -> None:
    found = checker.validate_required_fields(small_table(3))
    assert found == RequiredFields(is_valid=True, null_counts={"symbol": 0, "day": 0})


def test_each_missing_one_is_named() -> None:
    found = checker.validate_required_fields(pa.table({"price": [1.0]}))
    assert (found.is_valid, found.missing_fields) == (False, ("symbol", "day"))


def test_nulls_are_counted_in_each() -> None:
    table = pa.table({"symbol": ["ZL", None, None], "day": [None, *days(2)]})
    found = checker.validate_required_fields(table)
    assert (found.is_valid, found.missing_fields, found.null_counts) == (False, (), {"symbol": 2, "day": 1})


def test_other_columns_may_be_missing_or_null() -> None:
    table = small_table(2, price=pa.nulls(2, pa.float64()))
    assert checker.validate_required_fields(table).is_valid
