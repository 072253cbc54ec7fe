"""A rewritten file holds each row nested, once and in order; rows without a regime are kept as they came."""

import io
import math
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.splicing import without_regime
from support.tables import (
    CALENDAR,
    FINALIZED_AT,
    RUN_ID,
    SMALL_CONTRACT,
    Bucket,
    MemorySink,
    broken_parquet,
    days,
    nesting,
    open_source,
    small_feed,
    small_table,
)

from cbi.checks.regime_coverage import NO_REGIME
from cbi.contract.catalog import load_feed
from cbi.contract.feed import Feed
from cbi.contract.parts import DateInterval, Part
from cbi.enrich.rewrite import Rewritten, rewrite
from cbi.errors import InvalidFile, Transient
from cbi.local.sample import sample_table
from cbi.lookups.regime_calendar import load_regimes_file

WHOLE = (DateInterval(date.min, date.max),)

COLUMNS: dict[str, st.SearchStrategy[tuple[st.SearchStrategy[Any], pa.DataType]]] = {
    "price": st.sampled_from(
        [(st.floats(), pa.float64()), (st.floats(width=32), pa.float32()), (st.integers(0, 99), pa.int16())]
    ),
    "bid_count": st.sampled_from([(st.integers(0, 99), pa.int64()), (st.integers(0, 99), pa.float64())]),
    "stale": st.sampled_from([(st.booleans(), pa.bool_()), (st.integers(0, 1), pa.uint8())]),
    "seen_at": st.just((st.datetimes(), pa.timestamp("us"))),
    "volatility": st.just((st.none(), pa.null())),
    "unknown": st.just((st.text(), pa.string())),
}


@st.composite
def flat_tables(draw: st.DrawFn) -> pa.Table:
    """Tables of the small contract: any of its columns, in any order, types to cast, and NULLs."""
    count = draw(st.integers(1, 20))
    symbols = draw(st.lists(st.text(max_size=3), min_size=count, max_size=count))
    # Some of these days have no regime.
    dates = draw(st.lists(st.sampled_from(days(90)), min_size=count, max_size=count))
    columns = {"symbol": pa.array(symbols, pa.string()), "day": pa.array(dates, pa.date32())}
    for name, strategy in COLUMNS.items():
        values, kind = draw(strategy)
        if draw(st.booleans()):
            drawn = draw(st.lists(st.none() | values, min_size=count, max_size=count))
            columns[name] = pa.array(drawn, kind)
    return pa.table(columns).select(draw(st.permutations(list(columns))))


def nest_naively(fields: Sequence[dict[str, Any]], row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested row, made of a flat one by reading the contract's YAML field by field."""
    regime = CALENDAR.get_regime(row["day"])
    assert regime is not None
    computed = {
        "regime.name": regime.name,
        "regime.weight": regime.weight,
        "loaded_at": FINALIZED_AT,
        "run_id": RUN_ID,
    }
    nested: dict[str, Any] = {}
    for field in fields:
        path = prefix + field["name"]
        if field["type"] == "STRUCT":
            nested[field["name"]] = nest_naively(field["fields"], row, path + ".")
        elif path in computed:
            nested[field["name"]] = computed[path]
        else:
            value = row.get(field.get("source", field["name"]))
            if isinstance(value, float) and math.isnan(value):
                value = None
            nested[field["name"]] = value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
    return nested


def rewrite_table(
    table: pa.Table,
    bucket: Bucket,
    feed: Feed | None = None,
    date_intervals: Sequence[DateInterval] = WHOLE,
    skips_rows: bool = False,
    **options: Any,
) -> Rewritten:
    source = open_source(table, **options)
    quarantine = without_regime(table["day"], CALENDAR) if skips_rows else None
    run = nesting(source.schema, feed or small_feed())
    return rewrite(source, run, date_intervals, quarantine, bucket.open_sink)


@given(flat_tables(), st.integers(1, 20))
@settings(max_examples=examples(150), deadline=None)
def test_nesting_columns_is_nesting_row_by_row(table: pa.Table, row_group_size: int) -> None:
    rows = table.to_pylist()
    covered = [row for row in rows if CALENDAR.get_regime(row["day"])]
    bucket = Bucket()
    skips_rows = len(covered) < len(rows)
    written = rewrite_table(table, bucket, skips_rows=skips_rows, row_group_size=row_group_size)
    assert bucket.rows([part.name for part in written.parts]) == [
        nest_naively(SMALL_CONTRACT["schema"], row) for row in covered
    ]
    if skips_rows:
        skipped = [{**row, "_reason": NO_REGIME} for row in rows if not CALENDAR.get_regime(row["day"])]
        # As text, because NaN, which quarantine keeps, equals nothing.
        assert repr(bucket.read("skipped").to_pylist()) == repr(skipped)


def test_what_is_written_has_the_tables_schema_in_the_tables_order() -> None:
    bucket, table, feed = Bucket(), sample_table(5, date(2025, 6, 30)), load_feed("daily_ml_matrix")
    source = open_source(table.select(sorted(table.column_names)))
    rewrite(source, nesting(source.schema, feed, load_regimes_file()), WHOLE, None, bucket.open_sink)
    assert bucket.read("0").schema == feed.arrow_schema


def test_the_same_rows_are_written_as_the_same_bytes() -> None:
    one, again = Bucket(), Bucket()
    rewrite_table(small_table(50), one)
    rewrite_table(small_table(50), again)
    assert one["0"].committed == again["0"].committed


def test_rows_keep_their_order_over_row_groups() -> None:
    table = small_table(50, day=list(reversed(days(50))))
    bucket = Bucket()
    rewrite_table(table, bucket, row_group_size=7)
    assert bucket.read("0")["day"].to_pylist() == list(reversed(days(50)))


def test_each_interval_is_a_part_with_its_rows_in_order() -> None:
    table = small_table(60, day=list(reversed(days(60))))
    january, later = (date(2024, 1, 1), date(2024, 1, 20)), (date(2024, 1, 21), date(2024, 2, 29))
    bucket = Bucket()
    date_intervals = [DateInterval(*january), DateInterval(*later)]
    written = rewrite_table(table, bucket, date_intervals=date_intervals, row_group_size=7)
    assert written.parts == (Part("0", 20, 20, *january), Part("1", 40, 40, *later))
    assert bucket.read("0")["day"].to_pylist() == list(reversed(days(20)))
    assert bucket.read("1")["day"].to_pylist() == list(reversed(days(40, date(2024, 1, 21))))


@pytest.mark.parametrize("row_group_size", [3, 5, 100])
def test_batch_rows_cuts_a_file_into_parts_of_just_so_many_rows(row_group_size: int) -> None:
    table = small_table(12, price=[float(number) for number in range(12)])
    bucket = Bucket()
    written = rewrite_table(table, bucket, small_feed(batch_rows=5), row_group_size=row_group_size)
    assert [(part.name, part.rows) for part in written.parts] == [("0", 5), ("0.1", 5), ("0.2", 2)]
    assert [row["market"]["price"] for row in bucket.rows(["0", "0.1", "0.2"])] == list(range(12))


def test_rows_that_fill_the_last_batch_make_no_empty_part() -> None:
    written = rewrite_table(small_table(10), Bucket(), small_feed(batch_rows=5))
    assert [part.rows for part in written.parts] == [5, 5]


def test_a_part_counts_its_dates_once_each() -> None:
    dates = [*days(3), *days(3)]
    written = rewrite_table(small_table(6, day=dates), Bucket(), row_group_size=2)
    assert written.parts == (Part("0", 6, 3, dates[0], dates[-1]),)


def test_rows_without_a_regime_keep_every_column_and_get_a_reason() -> None:
    march = date(2024, 3, 1)
    table = small_table(
        2,
        march - timedelta(days=1),
        unknown=[["a"], ["b"]],
        note=pa.array(["x", "y"]).dictionary_encode(),
        seen_at=pa.array([1, 2], pa.timestamp("ns")),
    )
    bucket = Bucket()
    written = rewrite_table(table, bucket, skips_rows=True)
    assert (written.quarantine_object, [part.rows for part in written.parts]) == ("skipped", [1])
    assert bucket.read("skipped").equals(table.slice(1).append_column("_reason", pa.array([NO_REGIME])))


def test_a_file_dropped_again_out_of_quarantine_has_one_reason() -> None:
    table = small_table(1, date(2024, 3, 1), _reason=["an older one"])
    bucket = Bucket()
    rewrite_table(table, bucket, skips_rows=True)
    assert bucket.read("skipped")["_reason"].to_pylist() == [NO_REGIME]


def test_nothing_is_committed_of_a_file_that_turns_out_to_be_broken() -> None:
    many = pa.concat_tables([small_table(10)] * 14_000)  # small row groups would be read together
    bucket, source = Bucket(), open_source(broken_parquet(many, row_group_size=70_000))
    with pytest.raises(InvalidFile):
        rewrite(source, nesting(source.schema, small_feed()), WHOLE, None, bucket.open_sink)
    assert [sink.committed for sink in bucket.values()] == [None]


def test_no_thread_outlives_a_rewrite_whose_sink_fails() -> None:
    class Full(MemorySink):
        def write(self, data: Any, /) -> int:
            raise Transient("the bucket is away")

    before = set(threading.enumerate())
    source = open_source(long_file(groups=3))
    run = nesting(source.schema, load_feed("daily_ml_matrix"), load_regimes_file())
    with pytest.raises(Transient) as raised:
        rewrite(source, run, WHOLE, None, Full)
    assert set(threading.enumerate()) <= before, raised


@pytest.mark.slow("the file is a long one")
def test_a_long_file_becomes_several_row_groups_with_the_same_rows() -> None:
    source, bucket = open_source(long_file(groups=4)), Bucket()
    run = nesting(source.schema, load_feed("daily_ml_matrix"), load_regimes_file())
    written = rewrite(source, run, WHOLE, None, bucket.open_sink)
    assert [part.rows for part in written.parts] == [400_000]
    committed = bucket["0"].committed
    assert committed is not None
    assert pq.read_metadata(io.BytesIO(committed)).num_row_groups > 2
    rows = pq.read_table(io.BytesIO(committed))
    assert rows.equals(rows.take(pa.repeat(pa.scalar(0), len(rows))))


@pytest.fixture
def counting_pool() -> Iterator[pa.MemoryPool]:
    """A memory pool that counts what is allocated from here on."""
    usual = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(pool)
    yield pool
    pa.set_memory_pool(usual)


@pytest.mark.slow("the file is a long one")
def test_memory_is_bounded_however_long_the_file(counting_pool: pa.MemoryPool) -> None:
    source = open_source(long_file(groups=10))
    run = nesting(source.schema, load_feed("daily_ml_matrix"), load_regimes_file())
    rewrite(source, run, WHOLE, None, Bucket().open_sink)
    assert counting_pool.max_memory() < 150 << 20


def long_file(groups: int) -> bytes:
    """Row groups of 32 MB each once they are decoded, and next to nothing before."""
    rows = sample_table(1, date(2025, 6, 30)).take(pa.repeat(pa.scalar(0), 100_000))
    assert rows.nbytes > 32 * 10**6
    content = io.BytesIO()
    with pq.ParquetWriter(content, rows.schema) as writer:
        for _ in range(groups):
            writer.write_table(rows)
    return content.getvalue()
