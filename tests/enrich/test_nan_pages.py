"""A NaN is found in whatever page it hides, by looking at the page as it is stored."""

import io
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import fastparquet
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples, some_of
from support.flat_files import writer_options
from support.splicing import open_flat, tampered, with_first_chunk
from support.tables import nesting, small_feed, to_parquet

from cbi.enrich.splice.nans import find_nans
from cbi.errors import InvalidFile
from cbi.parquet import thrift
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.spec import ColumnChunk, ColumnMetaData, Statistics
from cbi.parquet.thrift import Struct

EXAMPLES = int(os.environ.get("SPLICE_EXAMPLES") or examples(150))

NAN = float("nan")
NANS = [NAN, -NAN, *struct.unpack("<2d", bytes.fromhex("010000000000f07fffffffffffffffff"))]
VALUES = [0.0, -0.0, 1.5, -(2.0**127), 2.0**-149, float("inf"), -float("inf")]
TYPES = {"price": pa.float64(), "volatility": pa.float32()}


@pytest.fixture(autouse=True, scope="module")
def _look_at_small_chunks_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cbi.enrich.splice.nans._SMALL_CHUNK", 1)
        yield


@pytest.fixture
def never_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a chunk is decoded instead of looking at its pages."""

    def refuse(*_: Any) -> None:
        pytest.fail("the chunk was decoded")

    monkeypatch.setattr(FlatFile, "fetched_group", refuse)
    monkeypatch.setattr(FlatFile, "row_groups", refuse)


def found(content: bytes, file: FlatFile | None = None) -> Mapping[str, frozenset[int]]:
    file = file or open_flat(content)
    return find_nans(file, nesting(file.schema, small_feed()), ()).row_groups


def wanted(content: bytes) -> Mapping[str, frozenset[int]]:
    """What Arrow finds in the decoded columns."""
    file = pq.ParquetFile(io.BytesIO(content))
    groups = [file.read_row_group(number, columns=list(TYPES)) for number in range(file.num_row_groups)]
    nans = {
        name: frozenset(n for n, group in enumerate(groups) if pc.any(pc.is_nan(group[name])).as_py())
        for name in groups[0].column_names
    }
    return {name: numbers for name, numbers in nans.items() if numbers}


def floats(values: list[float | None], name: str = "price", nullable: bool = True) -> pa.Table:
    column = pa.array(values, TYPES[name])
    return pa.table([column], schema=pa.schema([pa.field(name, column.type, nullable=nullable)]))


@st.composite
def float_files(draw: st.DrawFn) -> bytes:
    """Files of two float columns with NaNs here and there, written in all the ways that pyarrow knows."""
    sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=4))
    columns, fields = [], []
    for name, kind in TYPES.items():
        nullable = draw(st.booleans())
        chunks: list[float | None] = []
        for size in sizes:
            kinds: list[st.SearchStrategy[float | None]] = [st.sampled_from(VALUES)]
            kinds += [st.sampled_from(NANS)] if draw(st.booleans()) else []
            kinds += [st.none()] if nullable and draw(st.booleans()) else []
            chunks += draw(st.lists(st.one_of(kinds), min_size=size, max_size=size))
        columns.append(pa.array(chunks, kind))
        fields.append(pa.field(name, kind, nullable=nullable))
    table = pa.table(columns, schema=pa.schema(fields))
    content = io.BytesIO()
    with pq.ParquetWriter(content, table.schema, **_options(draw, table.schema)) as writer:
        start = 0
        for size in sizes:
            writer.write_table(table.slice(start, size))
            start += size
    return content.getvalue()


def _options(draw: st.DrawFn, schema: pa.Schema) -> dict[str, Any]:
    options = draw(writer_options(schema))
    for by_name in ("bloom_filter_options", "sorting_columns"):
        options.pop(by_name, None)
    if draw(st.booleans()):  # each column by another codec
        options["compression"] = {name: draw(st.sampled_from(CODECS)) for name in schema.names}
    return options


CODECS = ["none", "snappy", "gzip", "zstd", "lz4"]
ENCODINGS: dict[str, dict[str, Any]] = {
    "plain": {"use_dictionary": False},
    "dictionary": {"use_dictionary": True},
    "byte stream split": {"use_dictionary": False, "use_byte_stream_split": True},
    "dictionary that grew too large": {"use_dictionary": True, "dictionary_pagesize_limit": 100},
}


@given(float_files())
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_row_groups_with_nans_are_those_that_arrow_finds(content: bytes) -> None:
    assert found(content) == wanted(content)


@pytest.mark.parametrize("nullable", [True, False], ids=["nullable", "required"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", CODECS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", TYPES)
def test_one_nan_among_many_values_is_found_or_none(
    name: str, encoding: str, compression: str, version: str, nullable: bool, never_decoding: None
) -> None:
    options = {**ENCODINGS[encoding], "compression": compression, "data_page_version": version}
    values: list[float | None] = [number / 8 for number in range(500)]
    if nullable:
        values[3:400:7] = [None] * len(values[3:400:7])
    options |= {"data_page_size": 1000, "write_batch_size": 50}
    assert found(to_parquet(floats(values, name, nullable), **options)) == {}
    if encoding != "byte stream split":  # whose infinities and NaNs are told apart by decoding
        for place in (0, 250, 499):
            with_nan = [*values[:place], NAN, *values[place + 1 :]]
            content = to_parquet(floats(with_nan, name, nullable), **options)
            assert found(content) == {name: frozenset({0})}


@pytest.mark.parametrize("value", [*NANS, float("inf"), -float("inf")], ids=str)
@pytest.mark.parametrize("name", TYPES)
def test_infinities_are_no_nans_in_split_bytes(name: str, value: float) -> None:
    options = ENCODINGS["byte stream split"]
    content = to_parquet(floats([1.5, value, None], name), **options)
    assert found(content) == wanted(content) == ({name: frozenset({0})} if value != value else {})


@pytest.mark.parametrize(("nans", "with_nans"), [(0, {}), (1, {"price": frozenset({0})})])
def test_a_count_of_nans_in_the_footer_is_believed(
    nans: int, with_nans: dict[str, frozenset[int]], never_decoding: None
) -> None:
    def change(chunk: Struct, metadata: Struct) -> Struct:
        statistics = metadata.struct(ColumnMetaData.STATISTICS) or Struct()
        statistics = statistics.replaced({Statistics.NAN_COUNT: thrift.i64(nans)})
        metadata = metadata.replaced({ColumnMetaData.STATISTICS: thrift.struct(statistics)})
        return chunk.replaced({ColumnChunk.META_DATA: thrift.struct(metadata)})

    content = to_parquet(floats([1.5, NAN if nans == 0 else 2.5]))
    assert found(tampered(content, lambda footer: with_first_chunk(footer, change))) == with_nans


@pytest.mark.parametrize("values", [2, 4])
def test_a_chunk_whose_pages_have_other_values_than_the_footer_says_is_decoded(
    values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    fetched_group = FlatFile.fetched_group

    def note(file: FlatFile, number: int, *others: Any) -> Any:
        decoded.append(number)
        return fetched_group(file, number, *others)

    monkeypatch.setattr(FlatFile, "fetched_group", note)
    file = open_flat(to_parquet(floats([1.5, 2.5, 3.5])))
    (group,) = file.footer.row_groups
    chunk = group.chunks[0]._replace(values=values)
    file.footer = replace(file.footer, row_groups=(replace(group, chunks=(chunk,)),))
    assert found(b"", file) == {}
    assert decoded == [0]


def test_very_many_small_pages_are_decoded() -> None:
    values: list[float | None] = [number / 8 for number in range(2000)]
    options: dict[str, Any] = {"use_dictionary": False, "data_page_size": 8, "write_batch_size": 2}
    assert found(to_parquet(floats(values), **options)) == {}
    assert found(to_parquet(floats([*values, NAN]), **options)) == {"price": frozenset({0})}


class Object:
    """An object in memory that notes what is read of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.read_bytes = 0

    def read(self, start: int, length: int) -> bytes:
        self.read_bytes += length
        return self.content[start : start + length]


@pytest.mark.parametrize("place", [0, 599_999, None])
def test_a_large_chunk_is_fetched_step_by_step_and_no_byte_twice(
    place: int | None, never_decoding: None
) -> None:
    values = [float(number) for number in range(600_000)]
    if place is not None:
        values[place] = NAN
    object_ = Object(to_parquet(floats(list(values)), compression="none", use_dictionary=False))
    file = FlatFile(object_.read, len(object_.content))
    assert found(b"", file) == ({} if place is None else {"price": frozenset({0})})
    if place == 0:
        assert object_.read_bytes < len(object_.content)
    else:
        assert object_.read_bytes <= len(object_.content) + (64 << 10)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_damaged_byte_of_a_page_does_harm(encoding: str, compression: str, version: str) -> None:
    options = {**ENCODINGS[encoding], "compression": compression, "data_page_version": version}
    sound = to_parquet(floats([1.5, None, 2.5, 1.5, float("inf")]), **options)
    end = open_flat(sound).footer.row_groups[0].chunks[0].end
    for position in some_of(range(4, end)):
        for change in (1, 0x80, 0xFF):
            content = bytearray(sound)
            content[position] ^= change
            with suppress(InvalidFile):
                assert set(found(bytes(content))) <= {"price"}


def by_duckdb(table: pa.Table, path: Path) -> None:
    duckdb.from_arrow(table).write_parquet(str(path), row_group_size=2048)


def by_polars(table: pa.Table, path: Path) -> None:
    polars.from_arrow(table).write_parquet(path, row_group_size=2048)  # type: ignore[union-attr]


def by_fastparquet(table: pa.Table, path: Path) -> None:
    fastparquet.write(str(path), table.to_pandas(), row_group_offsets=2048, has_nulls=False)


@pytest.mark.parametrize("write", [by_duckdb, by_polars, by_fastparquet])
def test_other_writers_nans_are_found(
    write: Callable[[pa.Table, Path], None], tmp_path: Path, never_decoding: None
) -> None:
    values: list[float | None] = [number / 8 for number in range(3 * 2048)]
    values[5000] = NAN
    columns = {"price": pa.array(values), "volatility": pa.array([1.5] * len(values), pa.float32())}
    write(pa.table(columns), tmp_path / "file.parquet")
    assert found((tmp_path / "file.parquet").read_bytes()) == {"price": frozenset({2})}
