"""A footer that is decoded and encoded again is what it was, whoever wrote it."""

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import datafusion
import duckdb
import fastparquet
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flat_files import flat_files
from support.parquet_pages import encoded_footer
from support.readers import all_readers, spark

from cbi.parquet.column_chunk import ColumnChunk, decode_chunk, decode_chunk_quickly
from cbi.parquet.footer import TAIL_BYTES, Footer
from cbi.parquet.spec import ColumnMetaData
from cbi.parquet.thrift import MalformedThrift, Struct, encode_binary
from cbi.parquet.thrift_types import STRUCT

TABLE = pa.table(
    {
        "symbol": ["ZL", None, "ŻŁ"] * 100,
        "day": [date(2024, 1, 1), None, date(9999, 12, 31)] * 100,
        "price": [1.5, None, float("nan")] * 100,
        "volume": [0, -1, 2**62] * 100,
        "stale": [True, False, None] * 100,
        "seen_at": pa.array([1, 2, 3] * 100, pa.timestamp("us")),
        "bids": [[1, 2], [], None] * 100,
        "nested": [{"a": 1, "b": {"c": "x"}}] * 300,
    }
)
FLAT = TABLE.drop_columns(["bids", "nested"])


def footer_of(content: bytes) -> bytes:
    end = len(content) - TAIL_BYTES
    return content[end - int.from_bytes(content[end : end + 4], "little") : end]


def encoded_again(raw: bytes) -> bytes:
    return encoded_footer(Footer.decode(raw))[:-TAIL_BYTES]


def by_pyarrow(path: Path) -> None:
    pq.write_table(
        TABLE, path, row_group_size=70, write_page_index=True, sorting_columns=[pq.SortingColumn(1)]
    )


def by_duckdb(path: Path) -> None:
    duckdb.from_arrow(TABLE).write_parquet(str(path))


def by_polars(path: Path) -> None:
    polars.DataFrame(TABLE).write_parquet(path, row_group_size=100)


def by_fastparquet(path: Path) -> None:
    fastparquet.write(str(path), FLAT.drop_columns("day").to_pandas(), row_group_offsets=100)


def by_datafusion(path: Path) -> None:
    datafusion.SessionContext().from_arrow(TABLE).write_parquet(str(path))


def by_chdb(path: Path) -> None:
    chdb = pytest.importorskip("chdb")
    chdb.query(
        f"INSERT INTO FUNCTION file('{path}', Parquet)"
        " SELECT number, toString(number), number / 7 FROM numbers(1000)"
    )


def by_spark(path: Path) -> None:
    with spark() as session:
        session.range(1000).selectExpr("id", "id / 7 AS x", "string(id) AS s").write.parquet(str(path))


@pytest.mark.parametrize(
    "write",
    [
        by_pyarrow,
        by_duckdb,
        by_polars,
        by_fastparquet,
        by_datafusion,
        pytest.param(by_chdb, marks=all_readers),
        pytest.param(by_spark, marks=all_readers),
    ],
    ids=lambda write: write.__name__,
)
def test_every_writers_footer_survives_byte_for_byte(write: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "of_a_writer.parquet"
    write(path)
    files = [path] if path.is_file() else list(path.rglob("*.parquet"))
    assert files
    for file in files:
        raw = footer_of(file.read_bytes())
        assert encoded_again(raw) == raw


@given(flat_files())
@settings(deadline=None)
def test_both_decoders_of_column_chunks_agree(content: bytes) -> None:
    footer = Footer.decode(footer_of(content))
    for group in footer.row_groups:
        for chunk in group.chunks:
            assert decode_chunk_quickly(chunk.raw, 0) == decode_chunk(chunk.raw, 0) == (chunk, len(chunk.raw))
            assert chunk.statistics == (chunk.metadata.struct(ColumnMetaData.STATISTICS) or Struct())


def test_most_statistics_are_decoded_without_what_stands_before(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    pq.write_table(TABLE, content, use_dictionary=[TABLE.column_names[0]])
    (group,) = Footer.decode(footer_of(content.getvalue())).row_groups
    monkeypatch.setattr(ColumnChunk, "metadata", None)
    assert all(chunk.statistics for chunk in group.chunks)


def test_a_chunks_numbers_are_those_that_pyarrow_reads() -> None:
    content = io.BytesIO()
    pq.write_table(TABLE, content, row_group_size=70)
    metadata = pq.read_metadata(content)
    footer = Footer.decode(footer_of(content.getvalue()))
    for number, group in enumerate(footer.row_groups):
        assert group.rows == metadata.row_group(number).num_rows
        for leaf, chunk in enumerate(group.chunks):
            column = metadata.row_group(number).column(leaf)
            first = column.dictionary_page_offset or column.data_page_offset
            assert chunk[4:8] == (
                column.num_values,
                column.total_uncompressed_size,
                column.total_compressed_size,
                first,
            )


def test_a_wide_footers_chunks_are_decoded_as_a_narrow_ones() -> None:
    content = io.BytesIO()
    wide = pa.table({f"column_{number}": [0.5, None] for number in range(1500)})
    with pq.ParquetWriter(content, wide.schema) as writer:
        for _ in range(2):
            writer.write_table(wide)
    raw = footer_of(content.getvalue())
    assert len(raw) > 200_000
    assert encoded_again(raw) == raw


VALUES = st.recursive(
    st.one_of(
        st.tuples(st.sampled_from([1, 2]), st.just(b"")),
        st.tuples(st.just(3), st.binary(min_size=1, max_size=1)),
        st.tuples(st.sampled_from([4, 5, 6]), st.integers(0, 127).map(lambda byte: bytes([byte]))),
        st.tuples(st.just(7), st.binary(min_size=8, max_size=8)),
        st.tuples(st.just(8), st.binary(max_size=300).map(encode_binary)),
        st.tuples(st.just(13), st.binary(min_size=16, max_size=16)),
    ),
    lambda inner: st.dictionaries(st.integers(-5, 300), inner, max_size=4).map(
        lambda fields: (STRUCT, Struct(fields).encode())
    ),
)


@given(st.dictionaries(st.integers(-5, 300), VALUES, max_size=20))
def test_structs_of_unknown_fields_survive(fields: dict[int, tuple[int, bytes]]) -> None:
    raw = Struct(fields).encode()
    assert Struct.decode(raw) == fields
    assert Struct.decode(raw).encode() == raw


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        struct = Struct.decode(data)
    except MalformedThrift:
        return
    assert Struct.decode(struct.encode()) == struct


def test_a_footer_cut_short_anywhere_is_refused() -> None:
    content = io.BytesIO()
    pq.write_table(FLAT.slice(0, 3), content)
    raw = footer_of(content.getvalue())
    for length in range(len(raw)):
        with pytest.raises(MalformedThrift):
            Footer.decode(raw[:length])


def test_structs_nested_without_end_are_refused() -> None:
    with pytest.raises(MalformedThrift, match="deep"):
        Struct.decode(bytes([0x1C]) * 100_000)
