"""Polars, lazy: two checking queries and one streamed to the file."""

import polars as pl

from bench.task import Found, Task
from bench.ways.polars_columns import nested_columns

_KEY = ("symbol", "data_date")


def run(task: Task) -> Found:
    rows = pl.scan_parquet(task.source)
    days = pl.LazyFrame(task.days)
    sizes = rows.group_by(_KEY).len().filter(pl.col("len") > 1).select(pl.col("len").sum())
    uncovered = rows.select("data_date").unique().join(days, left_on="data_date", right_on="date", how="anti")
    duplicates, missing = pl.collect_all([sizes, uncovered.select(pl.len())])
    found = Found(duplicates.item(), missing.item())
    if found.clean:
        joined = rows.join(days, left_on="data_date", right_on="date", how="left")
        joined.select(nested_columns(task)).sink_parquet(
            task.target, compression="snappy", maintain_order=False
        )
    return found
