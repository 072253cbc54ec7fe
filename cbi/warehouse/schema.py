"""A table's schema as the BigQuery client wants it."""

from collections.abc import Iterable
from typing import Any

from google.cloud.bigquery import SchemaField


def schema_fields(api_fields: Iterable[dict[str, Any]]) -> list[SchemaField]:
    """The fields of a table, given as the REST API writes them (TableFieldSchema)."""
    return [SchemaField.from_api_repr(field) for field in api_fields]
