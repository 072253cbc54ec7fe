"""A splice leaves in place what can stay, reads what it must look at, and encodes the rest."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.splicing import open_flat, read, rewritten, spliced, tampered, with_first_chunk
from support.tables import days, nesting, small_feed, small_table, to_parquet

from cbi.contract.parts import DateInterval, Part
from cbi.enrich.splice.plan import plan_splice
from cbi.parquet import thrift
from cbi.parquet.footer import Footer
from cbi.parquet.spec import ColumnChunk, ColumnMetaData, FileMetaData
from cbi.parquet.thrift import Field, Struct
from cbi.parquet.unsplicable import Unsplicable

NAN = float("nan")


def splice_table(table: pa.Table, feed: Any = None, **options: Any) -> tuple[bytes, bytes]:
    """A table's file, and the one part that it is spliced into."""
    content = to_parquet(table, **options)
    _, (joined,) = spliced(content, feed or small_feed())
    return content, joined


def chunks(content: bytes) -> dict[str, list[pq.ColumnChunkMetaData]]:
    """A file's column chunks by path, one for each row group."""
    metadata = pq.read_metadata(io.BytesIO(content))
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = range(metadata.num_columns)
    return {groups[0].column(c).path_in_schema: [group.column(c) for group in groups] for c in columns}


def in_place(content: bytes, joined: bytes, path: str) -> list[bool]:
    """Which of a column's chunks lie in the staged bytes."""
    return [chunk.data_page_offset < len(content) for chunk in chunks(joined)[path]]


def test_columns_of_the_tables_types_stay_and_the_others_are_made() -> None:
    columns = {"bid_count": pa.array(range(30), pa.int32()), "stale": [1, 0, None] * 10}
    content, joined = splice_table(small_table(30, **columns), row_group_size=10)
    stays = {path: all(in_place(content, joined, path)) for path in chunks(joined)}
    assert stays == {
        "symbol": True,
        "day": True,
        "market.price": True,
        "market.depth.bids": True,
        "market.depth.stale": False,
        "seen_at": False,
        "regime.name": False,
        "regime.weight": False,
        "regime.volatility": False,
        "loaded_at": False,
        "run_id": False,
    }


def test_only_the_chunks_that_hold_a_nan_are_encoded_again() -> None:
    prices = [1.5] * 30
    prices[15] = NAN
    content, joined = splice_table(small_table(30, price=prices), row_group_size=10)
    assert in_place(content, joined, "market.price") == [True, False, True]
    assert [row["price"] for row in read(joined)["market"].to_pylist()].index(None) == 15


def test_a_nan_in_a_column_without_room_for_nulls_encodes_all_of_it_again() -> None:
    table = small_table(30, price=[1.5, NAN, *[2.5] * 28])
    schema = table.schema.set(2, pa.field("price", pa.float64(), nullable=False))
    content, joined = splice_table(table.cast(schema), row_group_size=10)
    assert in_place(content, joined, "market.price") == [False, False, False]
    assert read(joined)["market"].to_pylist()[1]["price"] is None


def test_only_row_groups_that_lose_rows_are_encoded_again() -> None:
    # The first 15 days have no regime.
    content = to_parquet(small_table(75, first=date(2023, 12, 17)), row_group_size=19)
    plan, (joined,) = spliced(content, small_feed())
    assert in_place(content, joined, "day") == [False, True, True, True]
    assert [len(batch) for batch in plan.rows_left_out()] == [15]
    assert plan.parts[0].rows == 60


def test_a_part_lists_only_its_own_row_groups() -> None:
    date_intervals = (
        DateInterval(date(2024, 1, 1), date(2024, 1, 20)),
        DateInterval(date(2024, 1, 21), date(2024, 2, 29)),
    )
    content = to_parquet(small_table(60), row_group_size=20)
    plan, parts = spliced(content, small_feed(), date_intervals)
    assert [in_place(content, part, "day") for part in parts] == [[True], [True, True]]
    january, later = ((interval.first, interval.last) for interval in date_intervals)
    assert [part.part for part in plan.parts] == [Part("0", 20, 20, *january), Part("1", 40, 40, *later)]


def test_what_is_known_of_a_chunk_that_stays_is_kept() -> None:
    options = {"row_group_size": 10, "write_page_index": True, "bloom_filter_options": {"symbol": True}}
    content, joined = splice_table(small_table(30), **options)
    before, after = chunks(content), chunks(joined)
    for flat, nested in (("symbol", "symbol"), ("day", "day"), ("price", "market.price")):
        for one, other in zip(before[flat], after[nested], strict=True):
            expected = {**one.to_dict(), "path_in_schema": nested}
            assert other.to_dict() == expected
            assert (other.has_column_index, other.has_offset_index) == (True, True)


def test_the_order_of_rows_is_kept_as_far_as_its_columns_are() -> None:
    by = [pq.SortingColumn(1, descending=True), pq.SortingColumn(0), pq.SortingColumn(3)]
    table = small_table(10, unknown=["x"] * 10).select(["unknown", "day", "symbol", "price"])
    _, joined = splice_table(table, sorting_columns=[by[0], by[2], by[1]])
    group = pq.read_metadata(io.BytesIO(joined)).row_group(0)
    assert group.sorting_columns == (pq.SortingColumn(1, descending=True), pq.SortingColumn(2))


def test_a_writers_metadata_of_the_flat_file_is_left_out() -> None:
    frame = small_table(3).to_pandas()
    _, joined = splice_table(pa.Table.from_pandas(frame))
    assert pq.read_metadata(io.BytesIO(joined)).metadata is None
    assert pq.read_schema(io.BytesIO(joined)).metadata is None


def test_row_groups_without_rows_are_left_out() -> None:
    content = io.BytesIO()
    table = small_table(3)
    with pq.ParquetWriter(content, table.schema) as writer:
        for part in (table.slice(0, 0), table, table.slice(0, 0)):
            writer.write_table(part)
    _, (joined,) = spliced(content.getvalue(), small_feed())
    assert pq.read_metadata(io.BytesIO(joined)).num_row_groups == 1


def test_the_same_file_is_spliced_to_the_same_bytes() -> None:
    content = to_parquet(small_table(50, price=[NAN, 1.0] * 25), row_group_size=7)
    assert spliced(content, small_feed())[1] == spliced(content, small_feed())[1]


def test_only_the_footer_and_the_columns_to_look_at_are_read() -> None:
    table = small_table(1).take(pa.repeat(pa.scalar(0), 600_000))
    noise = pa.array(range(600_000), pa.int64())
    table = table.select(["symbol", "day"]).append_column("bid_count", noise)
    content = to_parquet(table, compression="none", use_dictionary=["symbol", "day"])
    file = open_flat(content)
    _, (joined,) = spliced(content, small_feed(), file=file)
    assert len(content) > 4_800_000
    assert file.reader.bytes_read < 100_000
    assert len(joined) - len(content) < 48_000


def test_row_groups_of_many_pages_are_spliced_as_they_are_rewritten(tmp_path: Path) -> None:
    table = small_table(1).take(pa.repeat(pa.scalar(0), 300_000))
    content = to_parquet(table, row_group_size=280_000)
    _, bucket = rewritten(content, small_feed())
    _, (joined,) = spliced(content, small_feed())
    assert read(joined).cast(small_feed().arrow_schema).equals(bucket.read("0"))
    path = tmp_path / "joined.parquet"
    path.write_bytes(joined)
    sums = duckdb.sql(f"SELECT count(*), count(run_id), count(DISTINCT run_id) FROM '{path}'").fetchall()
    assert sums == [(300_000, 300_000, 1)]


def test_codecs_that_bigquery_does_not_read_are_refused() -> None:
    with pytest.raises(Unsplicable, match="codec 4"):
        splice_table(small_table(3), compression="brotli")


Change = Callable[[Footer], Footer]


def _with_field(number: int, field: Field) -> Change:
    return lambda footer: replace(footer, struct=footer.struct.replaced({number: field}))


def _with_chunk_field(number: int, field: Field) -> Change:
    return lambda footer: with_first_chunk(footer, lambda chunk, _: chunk.replaced({number: field}))


def _with_metadata(number: int, field: Field) -> Change:
    def change(chunk: Struct, metadata: Struct) -> Struct:
        return chunk.replaced({ColumnChunk.META_DATA: thrift.struct(metadata.replaced({number: field}))})

    return lambda footer: with_first_chunk(footer, change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_with_field(FileMetaData.ENCRYPTION_ALGORITHM, thrift.struct(Struct())), "encrypted"),
        (_with_chunk_field(ColumnChunk.FILE_PATH, thrift.binary(b"part-0.parquet")), "other files"),
        (_with_metadata(ColumnMetaData.CODEC, thrift.i32(99)), "codec 99"),
        (_with_metadata(ColumnMetaData.NUM_VALUES, thrift.i64(2)), "2 values in a row group of 3 rows"),
        (_with_metadata(ColumnMetaData.TOTAL_COMPRESSED_SIZE, thrift.i64(1 << 40)), "not in the file"),
        (_with_field(FileMetaData.NUM_ROWS, thrift.i64(4)), "rows"),
    ],
    ids=["encrypted", "elsewhere", "codec", "values", "pages", "rows"],
)
def test_a_footer_that_says_the_file_cannot_be_spliced_is_believed(change: Change, reason: str) -> None:
    content = tampered(to_parquet(small_table(3)), change)
    file = open_flat(content)
    dates = pa.chunked_array([days(3)], pa.date32())
    with pytest.raises(Unsplicable, match=reason):
        plan_splice(
            file,
            nesting(small_table(3).schema, small_feed()),
            (DateInterval(date.min, date.max),),
            dates,
            None,
        )


def test_a_row_group_without_a_chunk_for_each_column_cannot_be_spliced() -> None:
    content = tampered(
        to_parquet(small_table(3)),
        lambda footer: replace(footer, row_groups=(footer.row_groups[0].select([0]),)),
    )
    with pytest.raises(Unsplicable, match="1 column chunks for 3 columns"):
        open_flat(content)


def test_a_row_group_too_large_for_memory_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    content = to_parquet(small_table(20))
    monkeypatch.setattr("cbi.enrich.splice.splicable._LARGEST_CUT_BYTES", 100)
    spliced(content, small_feed())
    with pytest.raises(Unsplicable, match="bytes would have to be cut"):
        spliced(content, small_feed(batch_rows=7))


def test_it_is_told_how_much_stays_in_place() -> None:
    whole, _ = spliced(to_parquet(small_table(20)), small_feed())
    some, _ = spliced(to_parquet(small_table(20, stale=[1] * 20)), small_feed())
    none, _ = spliced(to_parquet(small_table(20)), small_feed(batch_rows=7))
    assert whole.reusable_fraction == 1.0
    assert 0 < some.reusable_fraction < 1
    assert none.reusable_fraction == 0.0
