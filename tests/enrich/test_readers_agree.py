"""Independent readers see the same rows in a spliced file: counts, sums and NULLs by regime.

ClickHouse, Spark and hyparquet are large or slow to start: they are asked by `make readers`.
"""

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import datafusion
import duckdb
import fastparquet
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.readers import all_readers, node, spark
from support.splicing import read, rewritten, spliced

from cbi.contract.catalog import load_feed
from cbi.local.sample import sample_table
from cbi.lookups.regime_calendar import load_regimes_file

Totals = dict[str, tuple[int, float, int, int]]
"""By regime: rows, sum of closes, NULLs among the closes, sum of volumes."""

SQL = """
    SELECT regime_name, count(*), sum(market_data.close), count(*) - count(market_data.close),
           sum(market_data.volume)
    FROM {table} WHERE regime.name = regime_name AND symbol = 'ZL' GROUP BY regime_name
"""


@pytest.fixture(scope="module")
def staged() -> bytes:
    """A file of which some columns can stay, some must be cast, and one holds NaNs in some row groups."""
    table = sample_table(800, date(2025, 12, 31), symbol="ZL")
    closes = [None if row % 7 == 0 else row / 8 for row in range(800)]
    closes[300] = float("nan")
    table = table.set_column(table.column_names.index("close"), "close", pa.array(closes))
    table = table.set_column(table.column_names.index("volume"), "volume", pa.array(range(800), pa.int32()))
    times = table["timestamp"].cast(pa.timestamp("us")).cast(pa.timestamp("ns"))
    table = table.set_column(table.column_names.index("timestamp"), "timestamp", times)
    order = [name for name in table.column_names if name != "symbol"]
    # The key comes last, so that the table's first column lies behind the others, and the last row group is
    # large: what its first chunk's place and its size say of its middle is behind the file's end.
    table = table.select([*order, "symbol"])
    content = io.BytesIO()
    with pq.ParquetWriter(content, table.schema, write_page_index=True) as writer:
        writer.write_table(table.slice(0, 100))
        writer.write_table(table.slice(100))
    return content.getvalue()


@pytest.fixture(scope="module")
def wanted(staged: bytes) -> Totals:
    feed = load_feed("daily_ml_matrix")
    _, bucket = rewritten(staged, feed, calendar=load_regimes_file())
    return totals(bucket.read("0"))


@pytest.fixture(scope="module")
def joined(staged: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spliced") / "joined.parquet"
    _, (content,) = spliced(staged, load_feed("daily_ml_matrix"), calendar=load_regimes_file())
    path.write_bytes(content)
    return path


def totals(table: pa.Table) -> Totals:
    closes = pc.struct_field(table["market_data"], "close")
    volumes = pc.struct_field(table["market_data"], "volume").cast(pa.int64())
    columns = {"close": closes, "missing": closes.is_null().cast(pa.int64()), "volume": volumes}
    groups = pa.table({"regime": table["regime_name"], **columns}).group_by("regime")
    sums = groups.aggregate([([], "count_all"), *((name, "sum") for name in columns)])
    return as_totals(row.values() for row in sums.to_pylist())


def by_pyarrow(path: Path) -> Totals:
    return totals(read(path.read_bytes()))


def by_duckdb(path: Path) -> Totals:
    return as_totals(duckdb.sql(SQL.format(table=f"'{path}'")).fetchall())


def by_polars(path: Path) -> Totals:
    context = polars.SQLContext(spliced=polars.scan_parquet(path).unnest("market_data"))
    query = (
        SQL.format(table="spliced").replace("market_data.", "").replace("regime.name = regime_name AND", "")
    )
    return as_totals(context.execute(query, eager=True).rows())


def by_datafusion(path: Path) -> Totals:
    context = datafusion.SessionContext()
    context.register_parquet("spliced", str(path))
    query = SQL.format(table="spliced").replace("market_data.", "spliced.market_data.")
    batches = context.sql(query.replace("regime.name", "spliced.regime.name")).collect()
    return as_totals([tuple(row.values()) for row in pa.Table.from_batches(batches).to_pylist()])


def by_fastparquet(path: Path) -> Totals:
    frame = fastparquet.ParquetFile(str(path)).to_pandas()
    groups = frame.groupby("regime_name", observed=True)
    return as_totals(
        (
            name,
            len(rows),
            rows["market_data.close"].sum(),
            rows["market_data.close"].isna().sum(),
            rows["market_data.volume"].sum(),
        )
        for name, rows in groups
    )


def by_chdb(path: Path) -> Totals:
    chdb = pytest.importorskip("chdb")
    answer = str(chdb.query(SQL.format(table=f"file('{path}', Parquet)"), "JSONCompactEachRow"))
    return as_totals(json.loads(line) for line in answer.splitlines())


def by_spark(path: Path) -> Totals:
    with spark() as session:
        session.read.parquet(str(path)).createOrReplaceTempView("spliced")
        return as_totals(tuple(row) for row in session.sql(SQL.format(table="spliced")).collect())


def by_hyparquet(path: Path) -> Totals:
    script = """
        import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
        import { compressors } from 'hyparquet-compressors'
        const file = await asyncBufferFromFile(process.argv[1])
        const sums = {}
        for (const row of await parquetReadObjects({ file, compressors })) {
            const sum = sums[row.regime_name] ??= [row.regime_name, 0, 0, 0, 0]
            sum[1] += 1
            sum[2] += row.market_data.close ?? 0
            sum[3] += row.market_data.close == null ? 1 : 0
            sum[4] += Number(row.market_data.volume)
        }
        console.log(JSON.stringify(Object.values(sums)))
    """
    folder = os.environ.get("NODE_FOLDER", ".")
    command = [node(), "--input-type=module", "-e", script, str(path)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return as_totals(json.loads(done.stdout))


def as_totals(rows: Iterable[Iterable[Any]]) -> Totals:
    return {
        str(name): (int(count), float(closes), int(nulls), int(volumes))
        for name, count, closes, nulls, volumes in rows
    }


@pytest.mark.parametrize(
    "reader",
    [
        by_pyarrow,
        by_duckdb,
        by_polars,
        by_fastparquet,
        by_datafusion,
        pytest.param(by_chdb, marks=all_readers),
        pytest.param(by_spark, marks=all_readers),
        pytest.param(by_hyparquet, marks=all_readers),
    ],
    ids=lambda reader: reader.__name__,
)
def test_a_reader_sees_what_was_meant(reader: Callable[[Path], Totals], joined: Path, wanted: Totals) -> None:
    assert reader(joined) == wanted
