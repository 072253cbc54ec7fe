"""SQL for people: the names and rows of what it selects."""

from collections.abc import Iterator
from typing import Any

from cbi.clients import bigquery_client
from cbi.settings import Settings
from cbi.warehouse.query import run_query


def query(settings: Settings, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Run SQL in the deployment's project. Raises Transient and Misconfigured."""
    found = run_query(bigquery_client(settings), sql)
    names = [field.name for field in found.schema]
    return names, (tuple(row.values()) for row in found)
