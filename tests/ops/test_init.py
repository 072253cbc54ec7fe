"""Tables and columns that are missing are made, whatever is wrong with the contract of another feed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from google.cloud import bigquery
from support.cloud import Cloud
from support.contracts import write_contract

from cbi import IngestionPipeline
from cbi.contract import catalog
from cbi.errors import Misconfigured
from cbi.local.stack import running_servers
from cbi.ops.init import initialise

QUOTES: dict[str, Any] = {
    "key": ["id"],
    "enrich": {"loaded.run": "run_id", "loaded.came": "finalized_at"},
    "schema": [
        {"name": "id", "type": "INT64", "mode": "REQUIRED"},
        {
            "name": "market",
            "type": "STRUCT",
            "fields": [{"name": "bid", "type": "FLOAT64"}, {"name": "ask", "type": "FLOAT64"}],
        },
        {
            "name": "loaded",
            "type": "STRUCT",
            "fields": [{"name": "run", "type": "STRING"}, {"name": "came", "type": "TIMESTAMP"}],
        },
    ],
}

SetContract = Callable[..., None]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Without the function, which would know none of these feeds."""
    folder = tmp_path_factory.mktemp("init")
    with running_servers(folder, with_function=False, with_trigger=False, disposable=True) as servers:
        yield Cloud.of_stack(servers.stack)


@pytest.fixture
def set_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SetContract]:
    """Give the only feed that there is a contract, also in place of the one it had."""
    monkeypatch.setattr(catalog, "_FEEDS", tmp_path / "cbi/feeds")

    def set_contract(name: str, **contract: Any) -> None:
        write_contract(tmp_path, yaml.safe_dump({**QUOTES, "table": f"init.{name}", **contract}), name)
        catalog.load_feed.cache_clear()

    yield set_contract
    catalog.load_feed.cache_clear()


def grown() -> list[dict[str, Any]]:
    """The schema with a new column, and a new field before those a STRUCT has."""
    number, market, loaded = QUOTES["schema"]
    fields = [{"name": "open", "type": "FLOAT64", "source": "opening"}, *market["fields"]]
    return [number, {"name": "desk", "type": "STRING"}, market | {"fields": fields}, loaded]


def rows(cloud: Cloud, name: str) -> list[tuple[Any, ...]]:
    sql = (
        "SELECT id, desk, market.open AS open, market.bid AS bid, market.ask AS ask"
        f" FROM `{cloud.project}.init.{name}` ORDER BY id"
    )
    return [tuple(row.values()) for row in cloud.query(sql)]


@pytest.mark.usefixtures("broken_contract")
def test_a_broken_contract_is_named_after_the_other_tables_are_made(
    cloud: Cloud, pipeline: IngestionPipeline
) -> None:
    broken = r"\(1 of them new\):\ncbi/feeds/broken\.yaml:5: schema\[0\]\.type is 'NUMBER'; it must be one of"
    with pytest.raises(Misconfigured, match=broken):
        initialise(pipeline.settings)
    assert [table.table_id for table in cloud.bigquery.list_tables("broken_contract")] == ["spare"]


@pytest.mark.parametrize("write", ["append", "upsert"])
def test_a_file_with_what_its_contract_has_gained_is_loaded(
    cloud: Cloud, pipeline: IngestionPipeline, set_contract: SetContract, write: str
) -> None:
    def ingest(table: pa.Table) -> str:
        report = pipeline.ingest(table, feed=write)
        return f"{report.status}: {report.message}"

    set_contract(write, write=write)
    assert initialise(pipeline.settings).made == (f"init.{write}",)
    assert ingest(pa.table({"id": [1], "bid": [1.5], "ask": [2.5]})).startswith("success")

    set_contract(write, write=write, schema=grown())
    new = pa.table({"id": [2], "desk": ["ZL"], "opening": [0.5], "bid": [3.5], "ask": [4.5]})
    done = initialise(pipeline.settings)
    assert done.lines == (f"added market.open to init.{write}", f"added desk to init.{write}")
    assert ingest(new).startswith("success")
    assert rows(cloud, write) == [(1, None, None, 1.5, 2.5), (2, "ZL", 0.5, 3.5, 4.5)]
    assert initialise(pipeline.settings).lines == ()


def test_what_is_not_done_is_told_and_what_can_be_is_done(
    cloud: Cloud, pipeline: IngestionPipeline, set_contract: SetContract
) -> None:
    set_contract("differing")
    initialise(pipeline.settings)
    number, desk, market, loaded = grown()
    changed = [number, desk, market, loaded, {"name": "day", "type": "DATE", "mode": "REQUIRED"}]
    set_contract("differing", schema=[changed[0] | {"type": "STRING"}, *changed[1:]], cluster_by=["id"])
    done = initialise(pipeline.settings)
    assert done.added == ("market.open to init.differing", "desk to init.differing")
    assert [difference.partition(" in the table")[0] for difference in done.differences] == [
        "init.differing: id is INT64",
        "init.differing: day is not",
        "init.differing: clustered by nothing, and by id in the contract: let the contract say what it is,"
        ' or run `bq update --clustering_fields="id" init.differing`',
    ]
    table = cloud.bigquery.get_table(f"{cloud.project}.init.differing")
    assert [field.name for field in table.schema] == ["id", "market", "loaded", "desk"]


def test_several_at_once_add_each_column_once(
    cloud: Cloud,
    pipeline: IngestionPipeline,
    set_contract: SetContract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second reads the table before the first has changed it."""
    set_contract("raced")
    initialise(pipeline.settings)
    set_contract("raced", schema=grown())
    table = f"{cloud.project}.init.raced"
    original = bigquery.Client.update_table
    meddled: list[bigquery.Table] = []

    def update(client: bigquery.Client, *arguments: Any, **options: Any) -> bigquery.Table:
        if not meddled:
            meddled.append(cloud.bigquery.get_table(table))
            meddled[0].schema = [*meddled[0].schema, bigquery.SchemaField("by_hand", "DATE")]
            original(cloud.bigquery, meddled[0], ["schema"])
        return original(client, *arguments, **options)

    monkeypatch.setattr(bigquery.Client, "update_table", update)
    assert initialise(pipeline.settings).added == ("market.open to init.raced", "desk to init.raced")
    names = [field.name for field in cloud.bigquery.get_table(table).schema]
    assert names == ["id", "market", "loaded", "by_hand", "desk"]

    with ThreadPoolExecutor(4) as pool:
        set_contract("raced", schema=[*grown(), {"name": "late", "type": "BOOL"}])
        done = list(pool.map(lambda _: initialise(pipeline.settings).added, range(4)))
    assert sorted(done) == [(), (), (), ("late to init.raced",)]
