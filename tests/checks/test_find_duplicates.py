"""Rows with the same key are found whatever the key's types, however many rows and however far apart."""

from collections import Counter
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from support.tables import days

from cbi.checks.duplicates import find_duplicates
from cbi.findings import Duplicates

# Few values each, so that many rows are equal; some far apart, so that there are too many possible keys.
VALUES: dict[pa.DataType, list[Any]] = {
    pa.string(): ["ZL", "MES", "", "ŻŁ", None],
    pa.dictionary(pa.int8(), pa.string()): ["ZL", "MES", None],
    pa.string_view(): ["ZL", "MES"],
    pa.date32(): days(3),
    pa.int64(): [-(2**63), -1, 0, 2**40, 2**63 - 1],
    pa.uint64(): [0, 1, 2**64 - 1],
    pa.int32(): [0, 7, 2**30],
    pa.int8(): [-128, 127, None],
    pa.timestamp("us", "UTC"): [0, 1, 2**50],
    pa.bool_(): [True, False],
    pa.float64(): [0.5, 1.5, float("inf")],
}


@st.composite
def key_tables(draw: st.DrawFn) -> pa.Table:
    """Tables of one to four key columns, in chunks that have dictionaries of their own."""
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4))
    lengths = draw(st.lists(st.integers(0, 15), max_size=3))
    columns = {}
    for number, kind in enumerate(kinds):
        chunks = [
            pa.array(draw(st.lists(st.sampled_from(VALUES[kind]), min_size=size, max_size=size)), kind)
            for size in lengths
        ]
        columns[f"key_{number}"] = pa.chunked_array(chunks, kind)
    return pa.table(columns)


def naively(table: pa.Table) -> tuple[int, list[tuple[Any, ...]]]:
    rows = Counter(tuple(row.values()) for row in table.to_pylist())
    repeated = [key for key, count in rows.items() if count > 1]
    in_order = sorted(repeated, key=lambda key: [(value is None, value) for value in key])
    return sum(rows[key] for key in repeated), in_order[:20]


@given(key_tables(), st.booleans())
def test_every_row_that_shares_its_key_is_counted(table: pa.Table, one_key_each: bool) -> None:
    if one_key_each:
        table = table.unify_dictionaries().group_by(table.column_names).aggregate([]) if len(table) else table
    rows, first = naively(table)
    found = find_duplicates(table)
    assert (found.is_valid, found.duplicate_count) == (rows == 0, rows)
    assert [tuple(key.values()) for key in found.keys] == first


@given(key_tables(), st.integers(1, 4))
def test_files_larger_than_any_step_are_checked_in_the_same_way(table: pa.Table, rows_at_once: int) -> None:
    usual = find_duplicates(table)
    assert find_duplicates(table, rows_at_once=rows_at_once) == usual


def test_a_file_in_any_order_without_equal_keys_is_valid() -> None:
    dates = days(1000)
    table = pa.table({"day": [*dates, *reversed(dates)], "symbol": ["ZL"] * 1000 + ["MES"] * 1000})
    for ordered in (table, table.sort_by("day"), table.sort_by([("symbol", "descending")])):
        assert find_duplicates(ordered) == Duplicates(is_valid=True)


def test_keys_too_many_for_an_integer_are_counted() -> None:
    far = pa.array([0, 2**30, 2**30, 2**30], pa.int32())
    found = find_duplicates(pa.table({"a": far, "b": far, "c": far}))
    assert found == Duplicates(False, 3, ({"a": 2**30, "b": 2**30, "c": 2**30},))


def test_large_numbers_near_each_other_are_no_trouble() -> None:
    keys = pa.table({"id": pa.array([2**40, 2**40 + 1, 2**40], pa.int64())})
    found = find_duplicates(keys)
    assert (found.duplicate_count, found.keys) == (2, ({"id": 2**40},))
