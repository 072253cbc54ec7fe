"""Row groups that were encoded one by one are one parquet file like any other."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cbi.parquet.encode import encode_row_group
from cbi.parquet.join import JoinedFile

STRUCT = pa.struct([("price", pa.float64()), ("depth", pa.struct([("bids", pa.int64())]))])


def rows(first: int, count: int) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table(
        {
            "symbol": pa.array([f"S{number % 3}" for number in numbers], pa.string()).dictionary_encode(),
            "market": pa.array(
                [{"price": n / 7, "depth": {"bids": n}} if n % 5 else None for n in numbers], STRUCT
            ),
            "tags": pa.array([["a"] * (n % 3) for n in numbers], pa.list_(pa.string())),
            "nothing": pa.nulls(count, pa.string()),
        }
    )


def joined(*tables: pa.Table, keep_types: bool = False) -> bytes:
    content = io.BytesIO()
    file = JoinedFile(content)
    for table in tables:
        file.append(encode_row_group(table, keep_types=keep_types))
    file.finish()
    return content.getvalue()


@pytest.mark.parametrize("sizes", [[1], [10, 1, 500], [7, 0, 3]], ids=str)
def test_joined_row_groups_hold_their_rows_in_order(sizes: list[int]) -> None:
    tables = [rows(sum(sizes[:place]), size) for place, size in enumerate(sizes)]
    content = io.BytesIO(joined(*tables, keep_types=True))
    found, wanted = pq.read_table(content), pa.concat_tables(tables)
    assert found.schema.equals(wanted.schema)
    assert found.to_pylist() == wanted.to_pylist()
    metadata = pq.read_metadata(content)
    assert [metadata.row_group(number).num_rows for number in range(len(sizes))] == sizes
    assert metadata.num_rows == sum(sizes)


def test_each_row_group_can_be_read_by_itself() -> None:
    file = pq.ParquetFile(io.BytesIO(joined(rows(0, 5), rows(5, 6), rows(11, 7), keep_types=True)))
    assert file.read_row_group(1).to_pylist() == rows(5, 6).to_pylist()


def test_the_footer_is_what_arrow_writes_for_the_same_row_groups() -> None:
    def described(content: bytes) -> list[dict[str, Any]]:
        metadata = pq.read_metadata(io.BytesIO(content))
        return [metadata.row_group(number).to_dict() for number in range(metadata.num_row_groups)]

    tables = [rows(0, 50), rows(50, 20)]
    whole = io.BytesIO()
    dictionaries = ["symbol", "market.depth.bids", "nothing"]
    options: dict[str, Any] = {"compression": "snappy", "use_dictionary": dictionaries}
    with pq.ParquetWriter(whole, tables[0].schema, store_schema=False, **options) as writer:
        for table in tables:
            writer.write_table(table)
    assert described(joined(*tables)) == described(whole.getvalue())


def test_only_floats_are_written_without_a_dictionary() -> None:
    table = pa.table({"text": ["a"] * 9, "number": [1] * 9, "market": [{"price": 1.5, "size": 2}] * 9})
    group = pq.read_metadata(io.BytesIO(joined(table))).row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    assert {chunk.path_in_schema: chunk.has_dictionary_page for chunk in chunks} == {
        "text": True,
        "number": True,
        "market.price": False,
        "market.size": True,
    }


def test_a_file_without_row_groups_stays_empty() -> None:
    assert joined() == b""
