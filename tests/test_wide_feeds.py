"""A feed as a desk starts one: a contract from its file, a table from that, the file dropped, the rows."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from support.cloud import Cloud
from support.command_line import cbi
from support.tables import days, to_parquet

from cbi.local.stack import running_stack

pytestmark = pytest.mark.servers

SYMBOLS = ["ZL", "ZS", "MES"]
FIRST = date(2025, 3, 3)
GROUPS = ["px", "vol", "policy", "golden", "macro"]


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The desk's own folder of contracts."""
    return tmp_path_factory.mktemp("contracts")


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory, feeds: Path) -> Iterator[Cloud]:
    with running_stack(tmp_path_factory.mktemp("wide"), env={"CBI_FEEDS": str(feeds)}) as stack:
        yield Cloud.of_stack(stack)


def matrix(columns: int, rows: int = 60) -> pa.Table:
    """A row a symbol and day, with features of every type that such files have, and of every group."""
    every = [(symbol, day) for day in days(rows // len(SYMBOLS), FIRST) for symbol in SYMBOLS]
    table: dict[str, pa.Array] = {
        "Symbol": pa.array([symbol for symbol, _ in every]),
        "trade date": pa.array([int(f"{day:%Y%m%d}") for _, day in every], pa.int32()),
        "is_roll": pa.array([day.day == 1 for _, day in every]),
        "volume": pa.array(range(len(every)), pa.int64()),
        "desk_note": pa.array([None if number % 3 else f"n\xe4 {number}" for number in range(len(every))]),
    }
    for number in range(columns - len(table)):
        name = f"{GROUPS[number % len(GROUPS)]}_{'abcdefg'[number % 7]}{number}"
        values = [None if (row + number) % 11 == 0 else number + row / 8 for row in range(len(every))]
        table[name] = pa.array(values, pa.float64())
    return pa.table(table)


@pytest.mark.parametrize("columns", [44, 444, 1_948])
def test_from_a_file_to_rows(own_cloud: Cloud, feeds: Path, tmp_path: Path, columns: int) -> None:
    feed, table = f"wide_{columns}", matrix(columns)
    content = to_parquet(table, tmp_path / "x.parquet")
    environment = {**own_cloud.environment, "CBI_FEEDS": str(feeds)}
    made = cbi("feed", "new", tmp_path / "x.parquet", "--table", f"desk.{feed}", environment=environment)
    assert (made.returncode, made.stderr) == (0, "")
    (feeds / f"{feed}.yaml").write_text(made.stdout)
    done = cbi("init", environment=environment)
    assert (done.returncode, f"made desk.{feed}" in done.stdout) == (0, True), done.stderr
    report = own_cloud.ingest(content, f"staged/{feed}/x.parquet")
    assert (report["status"], report["rows_loaded"], report["warnings"]) == ("success", 60, []), report[
        "message"
    ]
    last = f"{GROUPS[(columns - 6) % len(GROUPS)]}.{'abcdefg'[(columns - 6) % 7]}{columns - 6}"
    rows = own_cloud.query(
        f"SELECT Symbol, trade_date, is_roll, volume, desk_note, {last} AS last, regime.name AS regime"
        f" FROM `{own_cloud.project}.desk.{feed}` ORDER BY volume"
    )
    found = [tuple(row.values()) for row in rows]
    wanted = table.select(["Symbol", "trade date", "is_roll", "volume", "desk_note", table.column_names[-1]])
    assert [(row[0], int(f"{row[1]:%Y%m%d}"), *row[2:6]) for row in found] == [
        tuple(row.values()) for row in wanted.to_pylist()
    ]
    assert {row[6] for row in found} == {"trump_second_term"}
