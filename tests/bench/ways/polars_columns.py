"""The table's columns as Polars expressions over the flat ones and the joined calendar's."""

from collections.abc import Sequence

import polars as pl

from bench.task import Task
from cbi.contract.feed import Field, Leaf


def nested_columns(task: Task) -> list[pl.Expr]:
    leaves = {leaf.path: leaf for leaf in task.feed.leaves}
    return _expressions(task, task.feed.schema, "", leaves)


def _expressions(task: Task, fields: Sequence[Field], prefix: str, leaves: dict[str, Leaf]) -> list[pl.Expr]:
    return [
        (
            pl.struct(_expressions(task, field.fields, f"{prefix}{field.name}.", leaves))
            if field.fields
            else _leaf(task, leaves[prefix + field.name])
        ).alias(field.name)
        for field in fields
    ]


def _leaf(task: Task, leaf: Leaf) -> pl.Expr:
    enriched = {
        "regime": pl.col("regime"),
        "weight": pl.col("weight"),
        "finalized_at": pl.lit(task.finalized_at, pl.Datetime("us", "UTC")),
        "run_id": pl.lit(task.run_id),
    }
    if leaf.enrichment:
        return enriched[leaf.enrichment]
    column = pl.col(leaf.source or "")
    # The file's times have no zone and are UTC.
    return column.dt.replace_time_zone("UTC") if leaf.field.type == "TIMESTAMP" else column
