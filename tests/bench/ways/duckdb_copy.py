"""DuckDB: two checking queries and one COPY."""

from collections.abc import Sequence

import duckdb

from bench.task import Found, Task
from cbi.contract.feed import Field, Leaf

_DUPLICATES = """
SELECT coalesce(sum(rows), 0) FROM (
    SELECT count(*) AS rows FROM read_parquet(?) GROUP BY symbol, data_date HAVING count(*) > 1
)"""

_UNCOVERED = """
SELECT count(*) FROM (SELECT DISTINCT data_date FROM read_parquet(?)) ANTI JOIN days ON days.date = data_date
"""

# Rows may come in any order, as a table has none: that is a good deal faster.
_SETTINGS = """
SET preserve_insertion_order = false;
SET enable_progress_bar = false;
"""


def run(task: Task) -> Found:
    with duckdb.connect() as connection:
        connection.execute(_SETTINGS)
        connection.register("calendar", task.days)
        connection.execute("CREATE TABLE days AS FROM calendar")
        source = str(task.source)
        found = Found(_number(connection, _DUPLICATES, source), _number(connection, _UNCOVERED, source))
        if found.clean:
            connection.execute(_copy(task))
    return found


def _number(connection: duckdb.DuckDBPyConnection, query: str, source: str) -> int:
    row = connection.execute(query, [source]).fetchone()
    assert row is not None
    return int(row[0])


def _copy(task: Task) -> str:
    leaves = {leaf.path: leaf for leaf in task.feed.leaves}
    columns = ", ".join(
        f"{_expression(task, field, '', leaves)} AS {field.name}" for field in task.feed.schema
    )
    return f"""
        COPY (SELECT {columns} FROM read_parquet('{task.source}') LEFT JOIN days ON days.date = data_date)
        TO '{task.target}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 131072)
    """


def _expression(task: Task, field: Field, prefix: str, leaves: dict[str, Leaf]) -> str:
    if field.fields:
        return f"struct_pack({_packed(task, field.fields, f'{prefix}{field.name}.', leaves)})"
    leaf = leaves[prefix + field.name]
    enriched = {
        "regime": "days.regime",
        "weight": "days.weight",
        "finalized_at": f"TIMESTAMPTZ '{task.finalized_at.isoformat()}'",
        "run_id": f"'{task.run_id}'",
    }
    if leaf.enrichment:
        return enriched[leaf.enrichment]
    # The file's times have no zone and are UTC.
    return f"timezone('UTC', {leaf.source})" if field.type == "TIMESTAMP" else str(leaf.source)


def _packed(task: Task, fields: Sequence[Field], prefix: str, leaves: dict[str, Leaf]) -> str:
    return ", ".join(f"{field.name} := {_expression(task, field, prefix, leaves)}" for field in fields)
