"""Columns are added to a table that is there, at its end; nothing is taken away, and nothing lost."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest, PreconditionFailed
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

NAME, PRICE = SchemaField("name", "STRING", "REQUIRED"), SchemaField("price", "FLOAT")
MARKET = SchemaField("market", "RECORD", fields=[PRICE, SchemaField("lots", "INTEGER")])
ADDED = SchemaField("open", "FLOAT")
WIDER = SchemaField("market", "RECORD", fields=[ADDED, *MARKET.fields])
"""With a field in front of those that the table has."""

Rows = Callable[[bigquery.Table], list[dict[str, Any]]]


@pytest.fixture
def table(create_table: Callable[..., bigquery.Table]) -> bigquery.Table:
    return create_table([NAME, MARKET])


def change(client: bigquery.Client, table: bigquery.Table, schema: list[SchemaField]) -> bigquery.Table:
    table.schema = schema
    return client.update_table(table, ["schema"])


def test_new_columns_and_fields_come_last_and_rows_have_null_there(
    client: bigquery.Client,
    table: bigquery.Table,
    stage: Callable[..., str],
    loaded_rows: Callable[..., int],
    rows: Rows,
) -> None:
    old = pa.table({"name": ["a"], "market": [{"price": 1.5, "lots": 2}]})
    loaded_rows(stage(old), table)
    struct = SchemaField("book", "RECORD", fields=[SchemaField("bids", "INTEGER")])
    changed = change(client, table, [struct, NAME, WIDER])
    assert [field.name for field in changed.schema] == ["name", "market", "book"]
    assert [field.name for field in changed.schema[1].fields] == ["price", "lots", "open"]
    assert client.get_table(table).schema == changed.schema
    assert rows(changed) == [
        {"name": "a", "market": {"price": 1.5, "lots": 2, "open": None}, "book": None},
    ]

    new = pa.table({"book": [{"bids": 4}], "name": ["b"], "market": [{"open": 9.5, "lots": 3, "price": 2.5}]})
    assert loaded_rows(stage(new), changed, schema=[struct, NAME, WIDER]) == 1
    assert {"name": "b", "market": {"price": 2.5, "lots": 3, "open": 9.5}, "book": {"bids": 4}} in rows(
        changed
    )


@pytest.mark.parametrize(
    ("schema", "refusal"),
    [
        ([NAME], "Field market is missing in new schema"),
        ([NAME, SchemaField("market", "RECORD", fields=[PRICE])], "Field market.lots is missing"),
        ([SchemaField("name", "INTEGER", "REQUIRED"), MARKET], "Field name has changed type"),
        ([SchemaField("name", "STRING", "REPEATED"), MARKET], "Field name has changed mode"),
        ([NAME, SchemaField("market", "RECORD", "REQUIRED", fields=MARKET.fields)], "changed mode"),
        ([NAME, MARKET, SchemaField("day", "DATE", "REQUIRED")], r"add required fields .*\(field: day\)"),
        (
            [
                NAME,
                MARKET,
                SchemaField("book", "RECORD", fields=[SchemaField("bids", "INTEGER", "REQUIRED")]),
            ],
            r"\(field: book.bids\)",
        ),
    ],
)
def test_what_would_be_lost_is_refused(
    client: bigquery.Client, table: bigquery.Table, schema: list[SchemaField], refusal: str
) -> None:
    with pytest.raises(BadRequest, match=refusal):
        change(client, table, schema)
    assert client.get_table(table).schema == [NAME, MARKET]


def test_a_required_column_may_become_nullable(client: bigquery.Client, table: bigquery.Table) -> None:
    change(client, table, [SchemaField("name", "STRING"), MARKET])
    assert client.get_table(table).schema[0].mode == "NULLABLE"


def test_a_table_that_was_changed_since_it_was_read_is_left_alone(
    client: bigquery.Client, table: bigquery.Table
) -> None:
    stale = client.get_table(table)
    change(client, client.get_table(table), [NAME, MARKET, ADDED])
    with pytest.raises(PreconditionFailed):
        change(client, stale, [NAME, MARKET, PRICE])
    assert client.get_table(table).schema == [NAME, MARKET, ADDED]


def test_what_a_change_does_not_name_stays(client: bigquery.Client, table: bigquery.Table) -> None:
    description = client.get_table(table)
    description.description = "prices"
    assert client.update_table(description, ["description"]).schema == [NAME, MARKET]
    assert client.get_table(table).description == "prices"
