"""A column of one value is encoded once for some rows, and its pages serve for all."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cbi.parquet import spec, thrift
from cbi.parquet.encode import Encoded, encode, repeat
from cbi.parquet.footer import MAGIC, TAIL_BYTES, Footer, encode_footer
from cbi.parquet.thrift import Struct


def encoded(value: Any, kind: pa.DataType, rows: int) -> Encoded:
    return encode([(pa.repeat(pa.scalar(value, kind), rows), False)])[0]


def as_file(chunk: Encoded, kind: pa.DataType, rows: int) -> bytes:
    """A file with just this column chunk."""
    content = io.BytesIO()
    pq.write_table(pa.table({"0": pa.array([], kind)}), content, store_schema=False)
    end = len(content.getvalue()) - TAIL_BYTES
    begin = end - int.from_bytes(content.getvalue()[end : end + 4], "little")
    footer = Footer.decode(content.getvalue()[begin:end])
    placed = chunk.place(len(MAGIC))
    group = Struct(
        {
            spec.RowGroup.COLUMNS: thrift.structs([placed.raw]),
            spec.RowGroup.TOTAL_BYTE_SIZE: thrift.i64(placed.uncompressed),
            spec.RowGroup.NUM_ROWS: thrift.i64(rows),
        }
    )
    described = encode_footer(
        footer.struct,
        schema=[element.struct.encode() for element in footer.schema],
        row_groups=[group.encode()],
        rows=rows,
        key_values={},
        column_orders=None,
    )
    return MAGIC + bytes(chunk.pages) + described


@pytest.mark.parametrize(("times", "rest"), [(1, 0), (3, 0), (2, 1), (5, 49_999)])
@pytest.mark.parametrize(
    ("value", "kind"),
    [("run", pa.string()), (7, pa.int64()), (1.5, pa.float64()), (None, pa.string()), (None, pa.float64())],
    ids=str,
)
def test_repeated_pages_hold_the_value_in_every_row(
    value: Any, kind: pa.DataType, times: int, rest: int
) -> None:
    chunk = repeat(encoded(value, kind, 50_000), times, encoded(value, kind, rest) if rest else None)
    rows = 50_000 * times + rest
    content = as_file(chunk, kind, rows)
    assert (
        pq.read_table(io.BytesIO(content))["0"]
        .combine_chunks()
        .equals(pa.repeat(pa.scalar(value, kind), rows))
    )
    described = pq.read_metadata(io.BytesIO(content)).row_group(0).column(0)
    assert described.num_values == rows
    assert described.statistics.null_count == (rows if value is None else 0)
    assert described.total_compressed_size == len(chunk.pages)


def test_sizes_are_those_of_all_pages() -> None:
    whole = encoded("run", pa.string(), 1_000)
    twice = repeat(whole, 2)
    assert twice.uncompressed < 2 * whole.uncompressed, "there is one dictionary"
    assert twice.uncompressed > whole.uncompressed
    assert repeat(whole, 1).uncompressed == whole.uncompressed
