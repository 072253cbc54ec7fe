"""Rows that are there more than once are found, whatever their keys are, and one of them may be kept."""

from collections import defaultdict
from typing import Any, get_args

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from cbi.expectations.repeated_rows import Keep, repeated_rows, row_numbers

KEYS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from([0, 1, 2**40, -(2**62)]),
        st.integers(0, 2),
    ),
    max_size=30,
)


def table(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    arrays = [pa.array(columns[0], pa.string()), *(pa.array(column, pa.int64()) for column in columns[1:])]
    return pa.table(arrays, names=["x", "y", "z"])


def naive(rows: list[tuple[Any, ...]], keep: Keep) -> list[bool]:
    places = defaultdict(list)
    for number, row in enumerate(rows):
        places[row].append(number)
    kept = {"none": slice(0, 0), "first": slice(0, 1), "last": slice(-1, None)}[keep]
    return [len(places[row]) > 1 and number not in places[row][kept] for number, row in enumerate(rows)]


@given(KEYS, st.sampled_from(get_args(Keep)), st.sampled_from([1, 3, 1 << 20]))
@settings(max_examples=examples(300), deadline=None)
def test_they_are_those_that_a_dictionary_finds(
    rows: list[tuple[Any, ...]], keep: Keep, partition_rows: int
) -> None:
    assert repeated_rows(table(rows), keep, partition_rows).to_pylist() == naive(rows, keep)


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_keys_too_far_apart_for_one_number_are_told_apart(columns: int) -> None:
    values = pa.array([0, (1 << 31) - 2, 7, 0, 7], pa.int64())
    keys = pa.table({str(number): values for number in range(columns)})
    assert repeated_rows(keys).to_pylist() == [True, False, True, True, True]
    assert len(set(row_numbers(keys).to_pylist())) == 3
