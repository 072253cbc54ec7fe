"""Rows with the same key are counted, and the first keys shown."""

from collections import Counter
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import days, small_feed

from cbi.checks.quality import DataQualityChecker
from cbi.findings import Duplicates

checker = DataQualityChecker(small_feed())

# Few different keys, so that many are equal.
KEYS = st.lists(st.tuples(st.sampled_from(["ZL", "MES", "", "ŻŁ"]), st.sampled_from(days(3))), max_size=40)


def keys_table(keys: list[tuple[str, date]], kind: pa.DataType | None = None) -> pa.Table:
    symbols, dates = [key[0] for key in keys], [key[1] for key in keys]
    return pa.table({"symbol": pa.array(symbols, kind or pa.string()), "day": pa.array(dates, pa.date32())})


@given(KEYS, KEYS)
def test_every_row_that_shares_its_key_is_counted(
    one: list[tuple[str, date]], other: list[tuple[str, date]]
) -> None:
    repeated = {key: rows for key, rows in Counter([*one, *other]).items() if rows > 1}
    found = checker.validate_duplicates(pa.concat_tables([keys_table(one), keys_table(other)]))
    assert found.is_valid == (not repeated)
    assert found.duplicate_count == sum(repeated.values())
    assert [(key["symbol"], key["day"]) for key in found.keys] == sorted(repeated)


def test_the_first_20_keys_are_shown_in_order() -> None:
    dates = days(30)
    found = checker.validate_duplicates(keys_table([("ZL", day) for day in [*reversed(dates), *dates]]))
    assert found.duplicate_count == 60
    assert [key["day"] for key in found.keys] == dates[:20]


def test_one_symbol_on_two_days_and_two_symbols_on_one_day_are_no_duplicates() -> None:
    table = keys_table([("ZL", date(2024, 1, 1)), ("ZL", date(2024, 1, 2)), ("MES", date(2024, 1, 1))])
    assert checker.validate_duplicates(table) == Duplicates(is_valid=True)


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())],
    ids=str,
)
def test_text_may_come_in_every_encoding(kind: pa.DataType) -> None:
    day = date(2024, 1, 1)
    found = checker.validate_duplicates(keys_table([("ZL", day), ("ZL", day), ("MES", day)], kind))
    assert found == Duplicates(False, 2, ({"symbol": "ZL", "day": day},))


def test_a_table_without_the_key_is_not_valid() -> None:
    assert checker.validate_duplicates(pa.table({"symbol": ["ZL"]})) == Duplicates(is_valid=False)
