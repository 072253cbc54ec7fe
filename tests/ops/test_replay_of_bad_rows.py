"""Rows in quarantine for what is wrong with them load once their contract is fixed, and just those do."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from support.cloud import Cloud
from support.command_line import cbi
from support.function_process import ROOT
from support.tables import to_parquet

from cbi.local.sample import sample_table

if TYPE_CHECKING:
    from cbi.local.stack import Stack

STRICT = "{columns: [open, high, low, close], above: 0, action: quarantine}"
AS_IT_WAS = "{columns: [open, high, low, close], above: 0, action: warn}"


def bad_file(symbol: str) -> pa.Table:
    """Ten rows: two with a close below zero, one of those without a symbol, and one key that comes twice."""
    table = sample_table(10, date(2026, 11, 20), symbol)
    close = table["close"].to_pylist()
    close[2] = close[4] = -37.63
    days = table["data_date"].to_pylist()
    days[9] = days[8]
    symbols = [None if row == 4 else symbol for row in range(10)]
    for name, values in (("close", close), ("data_date", days), ("symbol", symbols)):
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.array(values, table.schema.field(name).type))
    return table


def run(cloud: Cloud, folder: Path, rule: str, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """Run a command by the default contract with another rule for prices, which takes bad rows out."""
    text = (ROOT / "cbi/feeds/daily_ml_matrix.yaml").read_text()
    assert AS_IT_WAS in text
    contract = text.replace(AS_IT_WAS, rule) + "\ninvalid_rows: quarantine\nkeep_duplicate: first\n"
    (folder / "daily_ml_matrix.yaml").write_text(contract)
    done = cbi(*arguments, environment={**cloud.environment, "CBI_FEEDS": str(folder)})
    assert done.returncode == code, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def loaded_days(cloud: Cloud, symbol: str) -> Counter[date]:
    rows = cloud.query("SELECT data_date FROM TABLE WHERE symbol = @symbol", symbol=symbol)
    return Counter(row["data_date"] for row in rows)


def test_they_load_once_the_contract_takes_them(untriggered: "Stack", tmp_path: Path, unique: str) -> None:
    cloud, feeds = Cloud.of_stack(untriggered), tmp_path / "feeds"
    feeds.mkdir()
    table, path = bad_file(unique), tmp_path / f"{unique}.parquet"
    to_parquet(table, path)
    days = table["data_date"].to_pylist()

    first = run(cloud, feeds, STRICT, "ingest", path)
    assert (first["rows_loaded"], first["rows_skipped"]) == (7, 3)
    assert [row["_reason"] for row in cloud.read_parquet(first["quarantine_uri"]).to_pylist()] == [
        "close is not above 0",
        "symbol is NULL, but required; close is not above 0",
        "its key (symbol, data_date) is in a row before",
    ]

    too_early = run(cloud, feeds, STRICT, "replay", first["run_id"], code=1)
    assert too_early["message"].startswith("None of the file's 3 rows can be loaded (symbol is NULL, but ")
    assert "load" not in too_early["timings"]

    fixed = run(cloud, feeds, AS_IT_WAS, "replay", first["run_id"])
    assert (fixed["status"], fixed["rows_loaded"], fixed["rows_skipped"]) == ("success", 1, 2)
    assert loaded_days(cloud, unique) == Counter(day for row, day in enumerate(days) if row not in (4, 9))
