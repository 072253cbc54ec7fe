"""A column may be called like a word of SQL, whatever part it plays."""

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from support.cloud import Cloud
from support.warehouse_tables import Table, create_table

from cbi.gcs.identity import StagedFile
from cbi.warehouse.existing_keys import find_existing_keys

CONTRACT: dict[str, Any] = {
    "table": "select.from",
    "key": ["group", "order"],
    "partition_by": "order",
    "cluster_by": ["group"],
    "enrich": {"end": "run_id", "when": "finalized_at"},
    "schema": [
        {"name": "group", "type": "STRING", "mode": "REQUIRED"},
        {"name": "order", "type": "DATE", "mode": "REQUIRED"},
        {"name": "select", "type": "FLOAT64"},
        {"name": "when", "type": "TIMESTAMP"},
        {"name": "end", "type": "STRING"},
    ],
}
FIRST, SECOND, THIRD = (StagedFile("in", "staged/x.parquet", number) for number in range(3))
DAYS = [date(2024, 1, 1), date(2024, 1, 2)]


def rows(file: StagedFile, groups: list[str], value: float, hour: int = 12) -> pa.Table:
    """A row a group and day."""
    return pa.table(
        {
            "group": [group for group in groups for _ in DAYS],
            "order": DAYS * len(groups),
            "select": [value] * len(DAYS) * len(groups),
            "when": [datetime(2024, 2, 1, hour, tzinfo=UTC)] * len(DAYS) * len(groups),
            "end": [file.run_id] * len(DAYS) * len(groups),
        }
    )


def load(table: Table, file: StagedFile, content: pa.Table) -> dict[str, int | None]:
    run = table.run(file, content)
    loaded = table.load(run)
    table.jobs.drop_staging_tables(run)
    return {"rows": loaded.rows, "inserted": loaded.inserted, "updated": loaded.updated}


def values(table: Table) -> dict[tuple[str, date], float]:
    return {(row["group"], row["order"]): row["select"] for row in table.rows()}


def test_rows_are_appended_found_again_and_taken_out(cloud: Cloud) -> None:
    table = create_table(cloud, "reserved_append", {**CONTRACT, "table": "select.appended"})
    load(table, FIRST, rows(FIRST, ["a", "by"], 1.0))
    load(table, SECOND, rows(SECOND, ["c"], 2.0))

    asked = rows(FIRST, ["by", "c", "limit"], 3.0)
    keys = pa.table({"group": asked["group"].dictionary_encode(), "order": asked["order"]})
    found = find_existing_keys(table.client, table.target, keys)
    assert found.count == 4
    assert found.keys[0] == {"group": "by", "order": DAYS[0]}

    assert table.delete(table.run(FIRST, rows(FIRST, ["a", "by"], 1.0))) == 4
    assert set(values(table)) == {("c", day) for day in DAYS}


def test_rows_are_merged_by_key_and_an_older_file_wins_nothing(cloud: Cloud) -> None:
    table = create_table(cloud, "reserved_upsert", {**CONTRACT, "table": "select.from", "write": "upsert"})
    assert load(table, FIRST, rows(FIRST, ["a", "by"], 1.0)) == {"rows": 4, "inserted": 4, "updated": 0}
    assert load(table, SECOND, rows(SECOND, ["by", "c"], 2.0, hour=13)) == {
        "rows": 4,
        "inserted": 2,
        "updated": 2,
    }
    load(table, THIRD, rows(THIRD, ["by"], 9.0, hour=11))
    assert values(table) == {
        (group, day): value for group, value in [("a", 1.0), ("by", 2.0), ("c", 2.0)] for day in DAYS
    }


@pytest.mark.parametrize("write", ["append", "upsert"])
def test_a_key_may_be_a_field_of_a_struct(cloud: Cloud, write: str) -> None:
    schema = [
        {"name": "as", "type": "STRUCT", "fields": [{"name": "desk", "type": "STRING", "mode": "REQUIRED"}]},
        {"name": "all", "type": "INT64", "mode": "REQUIRED"},
        {"name": "run", "type": "STRING"},
        {"name": "when", "type": "TIMESTAMP"},
    ]
    enrich = {"run": "run_id", "when": "finalized_at"}
    contract = {"key": ["desk", "all"], "enrich": enrich, "schema": schema, "write": write}
    table = create_table(cloud, f"nested_key_{write}", {**contract, "table": f"select.nested_{write}"})
    when = [datetime(2024, 2, 1, tzinfo=UTC)] * 2
    content = pa.table(
        {"as": [{"desk": "x"}, {"desk": "y"}], "all": [1, 1], "run": [FIRST.run_id] * 2, "when": when}
    )
    load(table, FIRST, content)
    keys = pa.table({"as.desk": pa.array(["y", "z"]).dictionary_encode(), "all": [1, 1]})
    found = find_existing_keys(table.client, table.target, keys)
    assert (found.count, found.keys) == (1, ({"as.desk": "y", "all": 1},))
