"""What a footer proves of a column is true; where it proves nothing, nothing is said."""

from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from support.flat_files import flat_files
from support.splicing import every_type, open_flat
from support.tables import nesting, open_source, small_feed, small_table, to_parquet

from cbi.checks.footer_statistics import Bounds, bounds, null_count, read_statistics
from cbi.parquet.flat_file import FlatFile


def flat(**columns: Any) -> FlatFile:
    rows = len(next(iter(columns.values())))
    return open_flat(to_parquet(small_table(rows, **columns), row_group_size=2))


def safe(file: FlatFile) -> set[str]:
    """The columns whose cast may fail by its type, but not by the footer's bounds."""
    casts = nesting(file.schema, small_feed()).casts
    statistics = read_statistics(file, casts)
    return {name for name, cast in casts.items() if cast.may_fail and statistics.proves_cast(name)}


@given(flat_files())
@settings(deadline=None)
def test_what_is_proved_is_true(content: bytes) -> None:
    file = open_flat(content)
    table = pa.Table.from_batches(file.batches())
    casts = nesting(file.schema, every_type()).casts
    columns = {name: column for name, cast in casts.items() if (column := cast.place.flat_column)}
    for name in columns.values():
        values = table[name]
        assert null_count(file, name) in (None, values.null_count)
        proved = bounds(file, name)
        if proved is not None and pa.types.is_integer(values.type):
            extremes = pc.min_max(values).as_py()
            assert (proved.min, proved.max) == (extremes["min"], extremes["max"])
    statistics = read_statistics(file, casts)
    for name in filter(statistics.proves_cast, casts):
        leaf = [casts[name].read(batch) for batch in table.to_batches()]
        assert statistics.null_count(name) in (None, sum(chunk.null_count for chunk in leaf))
        if name in columns:
            assert statistics.bounds(name) == bounds(file, columns[name])


def test_nans_become_nulls_that_no_footer_counts() -> None:
    file = flat(price=[1.5, float("nan")])
    statistics = read_statistics(file, nesting(file.schema, small_feed()).casts)
    assert (null_count(file, "price"), statistics.null_count("price")) == (0, None)


def test_of_a_file_that_is_read_by_pyarrow_the_types_alone_prove_something() -> None:
    source = open_source(small_table(3))
    statistics = read_statistics(source, nesting(source.schema, small_feed()).casts)
    proved = [statistics.proves_cast(name) for name in ("price", "day")]
    assert (proved, statistics.null_count("day"), statistics.bounds("day")) == ([True, False], None, None)


def test_times_of_years_that_bigquery_knows_are_safe() -> None:
    times = [datetime(1, 1, 1), None, datetime(9999, 12, 31, 23, 59, 59, 999_999), datetime(2024, 1, 1)]
    assert safe(flat(seen_at=pa.array(times, pa.timestamp("us")))) == {"day", "seen_at"}


@pytest.mark.parametrize("time", [-62_135_596_800_000_001, 253_402_300_800_000_000])
def test_times_outside_are_not(time: int) -> None:
    assert safe(flat(seen_at=pa.array([0, time, 0], pa.timestamp("us")))) == {"day"}


def test_unsigned_integers_are_safe_below_the_largest_of_bigquery() -> None:
    assert "bid_count" in safe(flat(bid_count=pa.array([0, 2**63 - 1, None], pa.uint64())))
    assert "bid_count" not in safe(flat(bid_count=pa.array([0, 2**63, None], pa.uint64())))


def test_columns_that_are_encoded_again_are_not_safe_unseen() -> None:
    assert safe(flat(seen_at=pa.array([0, 1], pa.timestamp("ns")), stale=[0, 1])) == {"day"}


def test_without_statistics_nothing_is_proved() -> None:
    file = open_flat(to_parquet(small_table(3), write_statistics=False))
    assert (null_count(file, "day"), bounds(file, "day"), safe(file)) == (None, None, set())


def test_a_column_of_nulls_alone_has_no_bounds_to_break() -> None:
    file = flat(seen_at=pa.nulls(3, pa.timestamp("us")))
    assert bounds(file, "seen_at") == Bounds(None, None)
    assert "seen_at" in safe(file)


def test_dates_are_bounded_by_their_numbers_since_1970() -> None:
    file = flat(day=[date(1970, 1, 3), date(1970, 1, 2), date(1969, 12, 31)])
    assert bounds(file, "day") == Bounds(-1, 2)
