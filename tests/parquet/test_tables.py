"""Tables of other libraries mean what they mean there; a pandas index changes nothing of it."""

from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from cbi.errors import InvalidInput, UnknownTable
from cbi.parquet.tables import arrow_table

FRAME = pd.DataFrame({"symbol": ["ZL", "ZC", "ZL"], "price": [1.5, None, 2.5]})
WANTED = {"symbol": ["ZL", "ZC", "ZL"], "price": [1.5, None, 2.5]}


@pytest.mark.parametrize(
    "table",
    [
        FRAME,
        pl.DataFrame(WANTED),
        pa.table(WANTED),
        pa.table(WANTED).to_reader(),
        pa.RecordBatch.from_pydict(WANTED),
        duckdb.from_arrow(pa.table(WANTED)),
    ],
    ids=["pandas", "polars", "arrow", "reader", "batch", "duckdb"],
)
def test_a_table_of_any_library_is_taken(table: Any) -> None:
    assert arrow_table(table).to_pydict() == WANTED


@pytest.mark.parametrize(
    "frame",
    [FRAME, FRAME.set_index(pd.Index([7, 8, 9])), FRAME.set_index(pd.Index(list("abc")))],
    ids=["range", "numbers", "text"],
)
def test_an_index_without_a_name_is_no_column(frame: pd.DataFrame) -> None:
    found = arrow_table(frame)
    assert found.equals(arrow_table(FRAME))
    assert found.schema.metadata == arrow_table(FRAME).schema.metadata


@pytest.mark.parametrize("index", [["symbol"], ["symbol", "price"]])
def test_an_index_with_a_name_is_a_column(index: list[str]) -> None:
    found = arrow_table(FRAME.set_index(index))
    assert {name: found[name].to_pylist() for name in found.column_names} == WANTED


def test_a_name_that_is_column_and_index_is_refused() -> None:
    frame = FRAME.set_index("symbol", drop=False)
    with pytest.raises(InvalidInput, match="has symbol as a column and as its index; drop one"):
        arrow_table(frame)


@pytest.mark.parametrize("value", [5, None, [{"a": 1}], pl.LazyFrame(WANTED)])
def test_anything_else_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match=f"of type {type(value).__name__} cannot be ingested; give a Data"):
        arrow_table(value)
    with pytest.raises(UnknownTable):
        arrow_table(value)
