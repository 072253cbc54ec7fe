"""The way of the first version of this function: pandas, a row at a time, a dict for each."""

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.task import Found, Task
from cbi.contract.feed import Leaf


def run(task: Task) -> Found:
    frame = pd.read_parquet(task.source)
    regimes = {row["date"]: row for row in task.days.to_pylist()}
    duplicates = int(frame.duplicated(["symbol", "data_date"], keep=False).sum())
    found = Found(duplicates, sum(day not in regimes for day in frame["data_date"].unique()))
    if found.clean:
        rows = [_nest(task, row, regimes) for _, row in frame.iterrows()]
        pq.write_table(pa.Table.from_pylist(rows, task.feed.arrow_schema), task.target)
    return found


def _nest(task: Task, row: "pd.Series[Any]", regimes: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    regime = regimes[row["data_date"]]
    nested: dict[str, Any] = {}
    for leaf in task.feed.leaves:
        *groups, name = leaf.path.split(".")
        place = nested
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = _value(task, leaf, row, regime)
    return nested


def _value(task: Task, leaf: Leaf, row: "pd.Series[Any]", regime: dict[str, Any]) -> Any:
    match leaf.enrichment:
        case "regime" | "weight":
            return regime[leaf.enrichment]
        case "finalized_at":
            return task.finalized_at
        case "run_id":
            return task.run_id
    value = row[leaf.source]
    return None if pd.isna(value) else value
