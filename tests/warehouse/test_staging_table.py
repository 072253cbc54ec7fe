"""What is merged is in the target's own form: a MERGE assigns the fields of a STRUCT by their order."""

from datetime import date
from typing import Any

import pyarrow as pa
from google.cloud.bigquery import SchemaField
from support.cloud import Cloud
from support.warehouse_tables import create_table

from cbi.deadline import Deadline
from cbi.warehouse.merges import staging_path

CONTRACT: dict[str, Any] = {
    "table": "staging_table.quotes",
    "key": ["day"],
    "write": "upsert",
    "schema": [
        {"name": "day", "type": "DATE", "mode": "REQUIRED"},
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
    day, market = resource.schema
    bid, ask = market.fields
    of_the_table = SchemaField("market", "RECORD", fields=[ask, SchemaField("mid", "INTEGER"), bid])
    table.client.delete_table(resource)
    resource.schema = [day, of_the_table]
    table.client.create_table(resource)

    request = table.request("0" * 24, pa.table({"day": [date(2024, 1, 1)], "market": [{"bid": 1, "ask": 2}]}))
    (loaded,) = table.warehouse.load([request], Deadline.after(60))
    assert loaded.error is None
    staging = table.client.get_table(staging_path(table.client, request))
    assert staging.schema == table.client.get_table(table.path).schema
    assert table.rows() == [{"day": date(2024, 1, 1), "market": {"ask": 2, "mid": None, "bid": 1}}]
