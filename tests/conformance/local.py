"""The local servers as a service, by the pieces that the function itself uses."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from google.cloud import bigquery
from support.bigquery_errors import UNKNOWN_COLUMN
from support.cloud import Cloud
from support.faults import Fault, Faults, proxy
from support.tables import SMALL_CONTRACT, small_table, to_parquet
from support.warehouse_tables import create_table

from cbi.clients import bigquery_client, storage_client
from cbi.deadline import Deadline
from cbi.gcs.identity import StagedFile
from cbi.local.stack import Stack
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.protocol.log import Entry, Run
from cbi.runs.protocol.requests import Insert, Request
from cbi.runs.protocol.step import Step, Steps
from cbi.settings import Settings

_FEEDS: Mapping[str, Mapping[str, Any]] = {
    "appended": {**SMALL_CONTRACT, "table": "conformance.appended", "check_existing_keys": "off"},
    "upserted": {**SMALL_CONTRACT, "table": "conformance.upserted", "write": "upsert"},
}
_WITHOUT_REGIME = date(2001, 1, 1)
_NUMBERS = count()


class Local:
    """`faults` are of the way to BigQuery. What one test drops is nothing to another."""

    def __init__(self, pipeline: IngestionPipeline, faults: Faults) -> None:
        self._pipeline, self._faults = pipeline, faults
        self._number = next(_NUMBERS)

    def drop(
        self, name: str = "a", content: str = "x", *, upserts: bool = False, left_out: bool = True
    ) -> StagedFile:
        days = [date(2024, 1, 1), *[_WITHOUT_REGIME] * left_out]
        symbols = [f"{content}-{self._number}"] * len(days)
        data = to_parquet(small_table(len(days), symbol=symbols, day=pa.array(days)))
        bucket = self._pipeline.settings.require_staging_bucket()
        feed = "upserted" if upserts else "appended"
        staged = f"staged/{feed}/{name}-{self._number}.parquet"
        return self._pipeline.store.put(bucket, staged, BytesIO(data), len(data))

    def delete(self, file: StagedFile) -> None:
        self._pipeline.store.delete(file.bucket, file.name)

    def ask(self, request: Request) -> Any:
        answers: list[Any] = []
        step = Step(_one_request, (request, answers))
        self._pipeline.take(StagedFile("conformance", "any", 1), step, Deadline.after(60))
        return answers[0]

    def ask_at_once(self, *requests: Request) -> list[Any]:
        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(self.ask, requests))

    def expire(self, run: Run) -> None:
        for name in self._pipeline.outputs.enriched_of(run.file.run_id):
            self._pipeline.outputs.delete(name)

    def refuse(self, insert: Insert) -> Any:
        self._faults.plan(lambda number, request: Fault(status=400, body=UNKNOWN_COLUMN))
        try:
            return self.ask(insert)
        finally:
            self._faults.clear()

    def rows(self, file: StagedFile) -> int:
        feed = file.name.split("/")[1]
        query = f"SELECT count(*) AS n FROM conformance.{feed} WHERE run_id = @run_id"
        run_id = bigquery.ScalarQueryParameter("run_id", "STRING", file.run_id)
        config = bigquery.QueryJobConfig(query_parameters=[run_id])
        (row,) = self._pipeline.bigquery.query(query, job_config=config).result()
        return int(row.n)

    def succeeded(self, file: StagedFile) -> bool:
        report = self._pipeline.runs.report(file)
        assert report is not None
        return not report.failed

    def wanted(self, file: StagedFile) -> Sequence[Entry]:
        return [pending.entry for pending in self._pipeline.runs.pending() if pending.file == file]


def _one_request(request: Request, answers: list[Any]) -> Steps:
    answers.append((yield request))
    return None


@contextmanager
def local_pipeline(stack: Stack, folder: Path, faults: Faults) -> Iterator[IngestionPipeline]:
    """A pipeline with two small feeds and buckets of its own, so that no event and no sweep interferes."""
    for name, contract in _FEEDS.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(contract))
        create_table(Cloud.of_stack(stack), name, contract)
    with proxy(stack.bigquery, faults) as warehouse, pytest.MonkeyPatch.context() as patch:
        cloud = Cloud.of_stack(stack)
        environment = {
            **cloud.environment,
            "STAGING_BUCKET": "conformance-staging",
            "OUTPUT_BUCKET": "conformance-output",
            "BIGQUERY_EMULATOR_HOST": warehouse,
            "CBI_FEEDS": str(folder),
        }
        for bucket in ("STAGING_BUCKET", "OUTPUT_BUCKET"):
            cloud.storage.create_bucket(environment[bucket])
        for variable in ("STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST", "CBI_FEEDS"):
            patch.setenv(variable, environment[variable])
        bigquery_client.cache_clear()  # another test's stack may have the same settings
        storage_client.cache_clear()
        yield IngestionPipeline(Settings.from_environment(environment))
