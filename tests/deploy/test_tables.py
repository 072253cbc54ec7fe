"""Terraform makes the same tables as `python -m cbi init`."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud.bigquery import SchemaField, Table
from support.cloud import Cloud
from support.terraform import DEPLOY, TERRAFORM, evaluate

pytestmark = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")

# What the API calls the types when it answers.
API_TYPES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    """Terraform's tables, by dataset.table."""
    found: dict[str, Any] = evaluate("local.tables", DEPLOY / "inputs")
    return found


def as_answered(field: SchemaField) -> dict[str, Any]:
    """A field as the API answers with it."""
    return {
        "name": field.name,
        "type": API_TYPES.get(field.field_type, field.field_type),
        "mode": field.mode,
        "description": field.description or "",
        "fields": [as_answered(each) for each in field.fields],
    }


def made_by_init(cloud: Cloud) -> dict[str, Table]:
    client = cloud.bigquery
    listed = [table for dataset in client.list_datasets() for table in client.list_tables(dataset.reference)]
    tables = [client.get_table(table.reference) for table in listed]
    return {f"{table.dataset_id}.{table.table_id}": table for table in tables}


def test_the_tables_are_those_that_init_makes(tables: dict[str, Any], cloud: Cloud) -> None:
    made = made_by_init(cloud)
    assert set(tables) <= set(made)
    for name, table in tables.items():
        schema = [SchemaField.from_api_repr(field) for field in json.loads(table["schema"])]
        assert [as_answered(field) for field in schema] == [
            as_answered(field) for field in made[name].schema
        ], name
        partitioning = made[name].time_partitioning
        assert table["partition_by"] == (partitioning.field if partitioning else None), name
        assert table["cluster_by"] == (made[name].clustering_fields or []), name
        assert table["description"] == (made[name].description or ""), name


def test_types_are_written_as_the_api_answers_with_them(tables: dict[str, Any]) -> None:
    def fields(schema: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for field in schema for each in [field, *fields(field.get("fields", []))]]

    everything = [each for table in tables.values() for each in fields(json.loads(table["schema"]))]
    assert not {each["type"] for each in everything} & API_TYPES.keys()
    assert not [each for each in everything if "source" in each]


def test_keys_that_say_where_values_come_from_are_none_of_the_tables(tmp_path: Path) -> None:
    described = 'has "source":"x", in it'
    schema = [
        {
            "name": "d",
            "type": "DATE",
            "source": 'a "b", c\\d',
            "format": "%Y%m%d",
            "timezone": "UTC",
            "as": "date",
        },
        {"name": "c", "type": "INT64", "constant": 5, "optional": True, "description": described},
        {"name": "e", "type": "STRING", "constant": 'x, "y"\\'},
        {
            "name": "s",
            "type": "STRUCT",
            "fields": [{"name": "f", "type": "STRING", "from_path": "d=([^/]*)<"}],
        },
    ]
    (tmp_path / "cbi/feeds").mkdir(parents=True)
    (tmp_path / "cbi/feeds/x.yaml").write_text(yaml.safe_dump({"table": "a.b", "schema": schema}))
    tables = evaluate("local.tables", DEPLOY / "inputs", f"-var=contracts_root={tmp_path}")
    assert json.loads(tables["a.b"]["schema"]) == [
        {"name": "d", "type": "DATE"},
        {"name": "c", "type": "INTEGER", "description": described},
        {"name": "e", "type": "STRING"},
        {"name": "s", "type": "RECORD", "fields": [{"name": "f", "type": "STRING"}]},
    ]
