"""A project as its user sees it: drop a file, read its report, ask the table."""

import io
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage

from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.local.storage.changes import wait_for_change
from support.reports import validate_report
from support.tables import to_parquet

if TYPE_CHECKING:
    from cbi.local.stack import Stack

TABLE = "features.daily_ml_matrix"
NO_RETRY = Retry(predicate=lambda error: False)


@dataclass(frozen=True)
class Cloud:
    """A project with its two buckets; `environment` is what its function and command line run with."""

    project: str
    staging_bucket: str
    output_bucket: str
    function: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_stack(cls, stack: "Stack") -> "Cloud":
        return cls(
            stack.project,
            stack.staging_bucket,
            stack.output_bucket,
            stack.function,
            {**os.environ, **stack.environment()},
        )

    @cached_property
    def storage(self) -> storage.Client:
        host = self.environment.get("STORAGE_EMULATOR_HOST")
        options = {"api_endpoint": host} if host else None
        credentials = AnonymousCredentials() if host else None
        return storage.Client(project=self.project, credentials=credentials, client_options=options)

    @cached_property
    def bigquery(self) -> bigquery.Client:
        host = self.environment.get("BIGQUERY_EMULATOR_HOST")
        options = {"api_endpoint": host} if host else None
        credentials = AnonymousCredentials() if host else None
        return bigquery.Client(project=self.project, credentials=credentials, client_options=options)

    def drop(self, content: pa.Table | bytes, name: str) -> StagedFile:
        """Write an object into the staging bucket, as a desk's upload does."""
        blob = self.storage.bucket(self.staging_bucket).blob(name)
        blob.upload_from_string(content if isinstance(content, bytes) else to_parquet(content))
        return StagedFile(self.staging_bucket, name, blob.generation)

    def report(self, file: StagedFile, timeout: float = 60) -> dict[str, Any]:
        """Wait for a file's report, hold it against the report's schema, and give it."""
        deadline, changes = time.monotonic() + timeout, None
        while (report := self.read_report(file)) is None:
            assert time.monotonic() < deadline, f"no report of {file.uri} after {timeout} s"
            changes = self._wait_for_output(changes, deadline - time.monotonic())
        return report

    def _wait_for_output(self, known: int | None, timeout: float) -> int | None:
        """Wait for something to be written to the output bucket; other than the local one does not tell."""
        if host := self.environment.get("STORAGE_EMULATOR_HOST"):
            return wait_for_change(host, self.output_bucket, known, timeout)
        time.sleep(1)
        return None

    def read_report(self, file: StagedFile) -> dict[str, Any] | None:
        report = self.read_json(Outputs.report(file))
        if report is not None:
            validate_report(report)
        return report

    def read_json(self, name: str) -> dict[str, Any] | None:
        """A JSON object in the output bucket, or None when there is no such object."""
        blob = self.storage.bucket(self.output_bucket).get_blob(name)
        return None if blob is None else json.loads(blob.download_as_bytes())

    def ingest(self, content: pa.Table | bytes, name: str) -> dict[str, Any]:
        """Drop a file and give its report."""
        return self.report(self.drop(content, name))

    def query(self, sql: str, **parameters: str) -> list[dict[str, Any]]:
        """Run SQL in which `TABLE` stands for the feed's table, and give its rows."""
        config = bigquery.QueryJobConfig(
            query_parameters=[
                bigquery.ScalarQueryParameter(name, "STRING", value) for name, value in parameters.items()
            ]
        )
        job = self.bigquery.query(sql.replace("TABLE", f"`{self.project}.{TABLE}`"), job_config=config)
        return [dict(row) for row in job.result(timeout=60)]

    def count(self, run_id: str) -> int:
        """The rows a run has in the table."""
        (row,) = self.query("SELECT count(*) AS n FROM TABLE WHERE run_id = @run_id", run_id=run_id)
        return int(row["n"])

    def outputs(self, prefix: str) -> list[str]:
        """The names of the output bucket's objects."""
        return [blob.name for blob in self.storage.list_blobs(self.output_bucket, prefix=prefix)]

    def read_parquet(self, uri: str) -> pa.Table:
        """A parquet object as an Arrow table."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return pq.read_table(io.BytesIO(self.storage.bucket(bucket).blob(name).download_as_bytes()))
