"""Polars, eager: the whole file read into a data frame."""

import polars as pl

from bench.task import Found, Task
from bench.ways.polars_columns import nested_columns

_KEY = ("symbol", "data_date")


def run(task: Task) -> Found:
    rows = pl.read_parquet(task.source)
    days = pl.DataFrame(task.days)
    duplicates = int(rows.group_by(_KEY).len().filter(pl.col("len") > 1)["len"].sum())
    dates = rows.select("data_date").unique()
    found = Found(duplicates, len(dates.join(days, left_on="data_date", right_on="date", how="anti")))
    if found.clean:
        joined = rows.join(days, left_on="data_date", right_on="date", how="left")
        joined.select(nested_columns(task)).write_parquet(task.target, compression="snappy")
    return found
