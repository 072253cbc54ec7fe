"""A run is cut by date into parts that one load job each may take."""

from datetime import date, timedelta
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import days

from cbi.contract.parts import DateInterval, split_dates


@pytest.mark.parametrize(("count", "parts"), [(0, 0), (1, 1), (4_000, 1), (4_001, 2), (12_000, 3)])
def test_no_part_has_more_than_4000_dates(count: int, parts: int) -> None:
    assert len(split_dates(pa.array(days(count), pa.date32()))) == parts


def test_rows_of_one_date_are_in_one_part_however_many() -> None:
    day = date(2024, 1, 1)
    assert split_dates(pa.repeat(pa.scalar(day), 100_000)) == (DateInterval(day, day),)


@given(st.integers(1, 13_000), st.integers(1, 20))
def test_every_date_is_in_just_one_part(count: int, step: int) -> None:
    dates = pa.array([date(1900, 1, 1) + timedelta(days=step * number) for number in range(count)])
    date_intervals = split_dates(pc.take(dates, pc.array_sort_indices(dates, order="descending")))
    held = [
        pc.sum(pc.and_(pc.greater_equal(dates, span.first), pc.less_equal(dates, span.last))).as_py()
        for span in date_intervals
    ]
    assert sum(held) == count
    assert max(held) <= 4_000
    assert all(one.last < following.first for one, following in pairwise(date_intervals))
