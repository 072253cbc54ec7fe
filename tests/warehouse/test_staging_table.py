"""What is merged is in the target's own form: a MERGE assigns the fields of a STRUCT by their order."""

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from google.cloud.bigquery import SchemaField
from support.cloud import Cloud
from support.warehouse_tables import create_table

from cbi.gcs.identity import StagedFile
from cbi.warehouse.job_ids import staging_table

CONTRACT: dict[str, Any] = {
    "table": "staging_table.quotes",
    "key": ["day"],
    "write": "upsert",
    "enrich": {"loaded_at": "finalized_at"},
    "schema": [
        {"name": "day", "type": "DATE", "mode": "REQUIRED"},
        {"name": "loaded_at", "type": "TIMESTAMP"},
        {
            "name": "market",
            "type": "STRUCT",
            "fields": [{"name": "bid", "type": "INT64"}, {"name": "ask", "type": "INT64"}],
        },
    ],
}


def test_fields_are_in_the_tables_order_and_those_the_contract_lacks_are_there(cloud: Cloud) -> None:
    table = create_table(cloud, "quotes", CONTRACT)
    resource = table.client.get_table(table.path)
    day, loaded_at, market = resource.schema
    bid, ask = market.fields
    of_the_table = SchemaField("market", "RECORD", fields=[ask, SchemaField("mid", "INTEGER"), bid])
    table.client.delete_table(resource)
    resource.schema = [day, loaded_at, of_the_table]
    table.client.create_table(resource)

    day_and_time = {"day": [date(2024, 1, 1)], "loaded_at": [datetime(2024, 2, 1, tzinfo=UTC)]}
    rows = pa.table({**day_and_time, "market": [{"bid": 1, "ask": 2}]})
    run = table.run(StagedFile("in", "staged/quotes/x.parquet", 1), rows)
    table.load(run)
    staging = table.client.get_table(
        f"{table.client.project}.{staging_table(table.feed.table, run.file.run_id, 0, 0)}"
    )
    assert staging.schema == table.client.get_table(table.path).schema
    (row,) = table.rows()
    assert row["market"] == {"ask": 2, "mid": None, "bid": 1}
