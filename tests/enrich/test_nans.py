"""Float columns are searched for NaNs, unless the file shows that they have none."""

import io
import json
from collections.abc import Mapping
from typing import Any

import fastparquet
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.splicing import open_flat
from support.tables import SMALL_CONTRACT, days, nesting, small_feed, small_table, to_parquet

from cbi.enrich.splice import nans
from cbi.enrich.splice.nans import find_nans
from cbi.enrich.splice.pandas_metadata import trusted_by_pandas

NAN = float("nan")
FRAME = pd.DataFrame({"symbol": ["ZL", "MES"], "price": [1.5, NAN], "bid_count": [1, 2]})


def found(table: pa.Table, **options: Any) -> Mapping[str, frozenset[int]]:
    file = open_flat(to_parquet(table, **options))
    return find_nans(file, nesting(file.schema, small_feed()), ()).row_groups


def trusted(content: bytes | pa.Table) -> set[str]:
    return trusted_by_pandas(open_flat(content if isinstance(content, bytes) else to_parquet(content)))


def test_the_row_groups_with_nans_are_found() -> None:
    table = small_table(9, price=[1.0] * 4 + [NAN] + [None] * 4, volatility=[NAN, *[1.0] * 8])
    assert found(table, row_group_size=3) == {"price": {1}, "volatility": {0}}


def test_columns_that_are_cast_anyway_are_not_searched() -> None:
    assert found(small_table(2, bid_count=[1.0, NAN], price=pa.array([1, 2]))) == {}


def test_narrow_floats_are_searched() -> None:
    assert found(small_table(2, price=pa.array([1.0, NAN], pa.float32()))) == {"price": {0}}


def test_chunks_that_are_all_null_are_not_read() -> None:
    filler = pa.array(range(600_000), pa.int64())
    table = pa.table({"price": pa.nulls(600_000, pa.float64()), "bid_count": filler})
    file = open_flat(to_parquet(table, compression="none", use_dictionary=False))
    before = file.reader.requests
    assert find_nans(file, nesting(file.schema, small_feed()), ()).row_groups == {}
    assert file.reader.requests == before


def test_a_chunk_that_is_all_null_hides_no_nan_of_its_row_group(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    known = nans._known_nans

    def note(chunk: Any) -> bool | None:
        asked.append(chunk.column)
        return known(chunk)

    monkeypatch.setattr(nans, "_known_nans", note)
    none, some = pa.nulls(2, pa.float64()), [1.0, NAN]
    assert found(small_table(2, price=none, volatility=some)) == {"volatility": {0}}
    assert found(small_table(2, price=some, volatility=none)) == {"price": {0}}
    assert asked == ["price", "volatility", "price"], "one that is not known is enough"


def test_pandas_writes_a_nan_of_numpy_as_null() -> None:
    content = io.BytesIO()
    FRAME.to_parquet(content)
    assert trusted(content.getvalue()) == {"price"}
    assert pq.read_table(content)["price"].null_count == 1


def test_no_column_that_numpy_did_not_hold_is_trusted() -> None:
    frame = FRAME.assign(price=pd.array([1.5, NAN], pd.ArrowDtype(pa.float64())))
    frame = frame.assign(other=pd.array([1.5, 2.5], "Float64"))
    assert trusted(pa.Table.from_pandas(frame)) == set()


def test_a_table_that_was_changed_is_not_trusted() -> None:
    table = pa.Table.from_pandas(FRAME)
    assert trusted(table) == {"price"}
    assert trusted(table.append_column("late", pa.array([NAN, NAN]))) == set()
    assert trusted(table.drop_columns("bid_count")) == set()
    assert trusted(table.slice(0, 1)) == set()
    assert trusted(pa.concat_tables([table, table])) == set()


def test_wide_row_groups_are_searched_a_column_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cbi.enrich.splice.nans._DECODED_BYTES", 1)
    table = small_table(9, price=[1.0] * 4 + [NAN] + [None] * 4, volatility=[NAN, *[1.0] * 8])
    assert found(table, row_group_size=3) == {"price": {1}, "volatility": {0}}


def test_an_index_with_names_is_a_column_too() -> None:
    assert trusted(pa.Table.from_pandas(FRAME.set_index("symbol"))) == {"price"}


def test_fastparquet_writes_nans_and_is_not_trusted(tmp_path: Any) -> None:
    path = tmp_path / "frame.parquet"
    fastparquet.write(str(path), FRAME)
    assert trusted(path.read_bytes()) == set()


@pytest.mark.parametrize(
    "metadata", ["", "[]", "{}", "null", json.dumps({"columns": [], "index_columns": [3]})]
)
def test_metadata_that_makes_no_sense_is_not_trusted(metadata: str) -> None:
    table = small_table(2).replace_schema_metadata({"pandas": metadata})
    assert trusted(table) == set()


def test_no_byte_of_many_small_row_groups_is_fetched_twice() -> None:
    rows = 60_000
    noise = pc.random(rows, initializer=1)
    columns = {f"column_{number:02d}": noise for number in range(40)}
    schema = [*SMALL_CONTRACT["schema"], *({"name": name, "type": "FLOAT64"} for name in columns)]
    table = pa.table({"symbol": ["ZL"] * rows, "day": days(1) * rows, **columns})
    content = to_parquet(table, row_group_size=1_000, use_dictionary=False)
    file = open_flat(content)
    assert find_nans(file, nesting(file.schema, small_feed(schema=schema)), ()).row_groups == {}
    assert file.reader.bytes_read < 1.1 * len(content)
