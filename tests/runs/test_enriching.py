"""Which way a file is enriched, and that the table has its rows whichever it was."""

import io
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.cloud import Cloud

from cbi.local.sample import sample_table

LAST = date(2026, 11, 20)
DAYS = 1_000

CONTENT = """
    SELECT count(*) AS n, count(DISTINCT symbol) AS symbols, sum(market_data.volume) AS volume,
           sum(pivots.P) AS pivots, count(regime.name) AS regimes
    FROM TABLE WHERE run_id = @run_id
"""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Some 9 MiB, as parquet."""
    return pa.concat_tables(sample_table(DAYS, LAST, symbol=f"S{number}") for number in range(35))


def to_parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=7_000, **options)
    return sink.getvalue()


def expect(cloud: Cloud, report: dict[str, object], table: pa.Table) -> None:
    (found,) = cloud.query(CONTENT, run_id=str(report["run_id"]))
    assert (report["status"], report["rows_loaded"]) == ("success", len(table))
    assert (found["n"], found["regimes"]) == (len(table), len(table))
    assert found["symbols"] == pc.count_distinct(table["symbol"]).as_py()
    assert found["volume"] == pc.sum(table["volume"]).as_py()
    assert found["pivots"] == pytest.approx(pc.sum(table["P"]).as_py())


def test_a_large_file_is_spliced_and_next_to_nothing_is_moved(
    cloud: Cloud, table: pa.Table, unique: str
) -> None:
    content = to_parquet(pa.Table.from_pandas(table.to_pandas(), preserve_index=False))
    assert len(content) > 8 << 20
    report = cloud.ingest(content, f"staged/{unique}.parquet")
    enrichment = report["enrichment"]
    assert (enrichment["strategy"], enrichment["fallback_reason"], enrichment["bytes_copied"]) == (
        "splice",
        None,
        len(content),
    )
    assert enrichment["bytes_uploaded"] < len(content) / 100
    assert enrichment["bytes_read"] < len(content) / 10
    expect(cloud, report, table)


def test_a_large_file_loses_only_its_rows_without_a_regime(
    cloud: Cloud, table: pa.Table, unique: str
) -> None:
    early = sample_table(50, date(2023, 10, 31), symbol=unique)
    both = pa.concat_tables([table, early.cast(table.schema)])
    report = cloud.ingest(to_parquet(both), f"staged/{unique}.parquet")
    assert (report["enrichment"]["strategy"], report["rows_skipped"]) == ("splice", 50)
    expect(cloud, report, table)


def test_a_small_file_is_rewritten(cloud: Cloud, unique: str) -> None:
    content = to_parquet(sample_table(5, LAST, symbol=unique))
    enrichment = cloud.ingest(content, f"staged/{unique}.parquet")["enrichment"]
    assert (enrichment["strategy"], enrichment["fallback_reason"], enrichment["bytes_copied"]) == (
        "rewrite",
        None,
        0,
    )
    assert enrichment["bytes_read"] == len(content)


def test_a_large_file_that_cannot_be_spliced_is_rewritten(cloud: Cloud, table: pa.Table, unique: str) -> None:
    report = cloud.ingest(to_parquet(table, compression="brotli"), f"staged/{unique}.parquet")
    assert report["enrichment"]["strategy"] == "rewrite"
    assert "which BigQuery does not read" in report["enrichment"]["fallback_reason"]
    expect(cloud, report, table)


def test_a_large_file_of_which_little_can_stay_is_rewritten(
    cloud: Cloud, table: pa.Table, unique: str
) -> None:
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    for name in floats:
        column = table[name].cast(pa.decimal128(30, 12), safe=False)
        table = table.set_column(table.column_names.index(name), name, column)
    report = cloud.ingest(to_parquet(table), f"staged/{unique}.parquet")
    assert report["enrichment"]["strategy"] == "rewrite"
    assert "could stay as they are" in report["enrichment"]["fallback_reason"]
    assert report["rows_loaded"] == len(table)
