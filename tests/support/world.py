"""A project of its own with small feeds, and its function behind proxies that fail as they are told to."""

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import requests
from google.api_core.exceptions import NotFound

from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import QUARANTINE, Outputs
from cbi.local.stack import running_servers
from support.cloud import Cloud
from support.faults import Faults, proxy
from support.function_process import FunctionProcess, copy_package, function_process
from support.tables import SMALL_CONTRACT, small_table

FIRST_REGIME = date(2023, 12, 1)
LAST_REGIME = date(2024, 2, 29)
FIRST_DAY = date(2024, 1, 1)

FEEDS: Mapping[str, Mapping[str, Any]] = {
    "appended": {**SMALL_CONTRACT, "table": "faults.appended"},
    "unchecked": {**SMALL_CONTRACT, "table": "faults.unchecked", "check_existing_keys": "off"},
    "in_parts": {**SMALL_CONTRACT, "table": "faults.in_parts", "batch_rows": 4},
    "spliced": {**SMALL_CONTRACT, "table": "faults.spliced", "batch_rows": 4, "enrich_strategy": "splice"},
    "upserted": {**SMALL_CONTRACT, "table": "faults.upserted", "batch_rows": 4, "write": "upsert"},
    "undeduped": {**SMALL_CONTRACT, "table": "faults.undeduped", "dedupe_content": False},
    "once": {**SMALL_CONTRACT, "table": "faults.once", "check_existing_keys": "fail"},
}
"""Small contracts; some cut files of more than four rows into parts."""

ENVIRONMENT: Mapping[str, str] = {
    "SWEEP_MIN_AGE_SECONDS": "0.01",
    "FUNCTION_TIMEOUT_SECONDS": "10",  # after which a delivery that died is known to be dead
}

Rows = Counter[tuple[str, date, float]]


@dataclass(frozen=True)
class World:
    """`cloud` looks and drops past the proxies; only what the function asks for goes through them."""

    cloud: Cloud
    function: FunctionProcess
    faults: Faults
    regimes: Path

    def reset(self) -> None:
        """Undo what tests have done to the servers, and start the function with nothing in its memory."""
        self.faults.clear()
        self.rules(load_seconds=0, fail_next_loads=[], loads_per_table_per_day=1_000_000)
        self.function.restart()

    def drop(self, feed: str, name: str, table: pa.Table | bytes) -> StagedFile:
        """Drop a file of a feed; `name` is without folder and suffix."""
        return self.cloud.drop(table, f"staged/{feed}/{name}.parquet")

    def delete(self, file: StagedFile) -> None:
        """Delete a staged object."""
        self.cloud.storage.bucket(file.bucket).blob(file.name).delete()

    def remove(self, file: StagedFile) -> None:
        """Delete a staged object if it is there."""
        with suppress(NotFound):
            self.delete(file)

    def in_table(self, feed: str, symbol: str) -> dict[str, Rows]:
        """A symbol's rows in a feed's table, by the run that loaded them."""
        table = f"`{self.cloud.project}.faults.{feed}`"
        sql = f"SELECT run_id, symbol, day, market.price AS price FROM {table} WHERE symbol = @symbol"
        found: dict[str, Rows] = {}
        for row in self.cloud.query(sql, symbol=symbol):
            found.setdefault(row["run_id"], Counter())[row["symbol"], row["day"], row["price"]] += 1
        return found

    def quarantined(self, file: StagedFile) -> Rows:
        """The rows in the quarantine file of a run; none where there is no such file."""
        blob = self.cloud.storage.bucket(self.cloud.output_bucket).get_blob(Outputs.quarantine(file))
        return Rows() if blob is None else rows_of(pq.read_table(io.BytesIO(blob.download_as_bytes())))

    def newest(self, name: str) -> StagedFile | None:
        """The live generation of a staged object, or of a quarantine file."""
        bucket = self.cloud.output_bucket if name.startswith(QUARANTINE) else self.cloud.staging_bucket
        blob = self.cloud.storage.bucket(bucket).get_blob(name)
        return None if blob is None else StagedFile(bucket, name, int(blob.generation))

    def remove_outputs(self, prefix: str) -> None:
        """Remove objects of the output bucket."""
        for blob in self.cloud.storage.list_blobs(self.cloud.output_bucket, prefix=prefix):
            blob.delete()

    def rules(self, **changes: Any) -> None:
        """Change how the local BigQuery treats load jobs."""
        base = self.cloud.environment["BIGQUERY_EMULATOR_HOST"]
        requests.put(f"{base}/_local/settings", json=changes, timeout=30).raise_for_status()

    def apply_regimes(self, first: date = FIRST_REGIME) -> None:
        """Let the calendar begin on this day. It is a short one, as every new process reads it."""
        self.regimes.write_text(f"- {{regime: only, from: {first}, to: {LAST_REGIME}, weight: 500}}\n")
        assert self.function.run("regimes", "--file", str(self.regimes), "--apply")

    def generations(self, *prefixes: str) -> dict[str, int]:
        """The output bucket's objects with these prefixes, and the generation of each."""
        return {
            blob.name: blob.generation
            for prefix in prefixes
            for blob in self.cloud.storage.list_blobs(self.cloud.output_bucket, prefix=prefix)
        }


def rows_of(table: pa.Table) -> Rows:
    """A staged or quarantined table's rows, in the form of `in_table`."""
    return Counter((row["symbol"], row["day"], row["price"]) for row in table.to_pylist())


def rows(symbol: str, count: int, first: date = FIRST_DAY, price: float = 1.5) -> pa.Table:
    """A small table of one symbol, a day a row."""
    return small_table(count, first, symbol=[symbol] * count, price=[price] * count)


@contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """Servers, proxies and the function's fork server; no trigger: the tests deliver."""
    faults = Faults()
    package = folder / "package"
    copy_package(package, FEEDS)
    with running_servers(
        folder, with_function=False, with_trigger=False, with_tables=False, disposable=True
    ) as servers:
        stack = servers.stack
        with proxy(stack.storage, faults) as storage, proxy(stack.bigquery, faults) as bigquery:
            proxies = {"STORAGE_EMULATOR_HOST": storage, "BIGQUERY_EMULATOR_HOST": bigquery}
            environment = {**stack.environment(), **ENVIRONMENT, **proxies}
            with function_process(package, environment, folder / "logs") as function:
                assert function.run("init")
                world = World(Cloud.of_stack(stack), function, faults, folder / "regimes.yaml")
                world.apply_regimes()
                yield world
