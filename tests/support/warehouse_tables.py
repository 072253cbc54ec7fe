"""Tables in the local BigQuery that are written to by the jobs of runs, without their steps."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import bigquery

from cbi.contract.feed import Feed
from cbi.contract.parse import parse_feed
from cbi.contract.parts import Part
from cbi.contract.target import Target
from cbi.deadline import Deadline
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.runs.part_jobs import PartJobs
from cbi.runs.plan import LoadPlan
from cbi.runs.protocol.chain import PartEnd, finish_part
from cbi.runs.protocol.log import Run
from cbi.runs.protocol.requests import Insert, InsertFence, Job, JobKind, Wait
from cbi.runs.report import LoadJob
from cbi.warehouse.schema import schema_fields
from support.cloud import Cloud


@dataclass(frozen=True)
class Table:
    """A feed's table; its rows are written by jobs as those of a run."""

    cloud: Cloud
    feed: Feed

    @property
    def target(self) -> Target:
        return Target.of(self.feed)

    @property
    def client(self) -> bigquery.Client:
        return self.cloud.bigquery

    @property
    def path(self) -> str:
        return f"{self.client.project}.{self.feed.table}"

    def run(self, file: StagedFile, rows: pa.Table) -> Run:
        """A run of one part with these rows, in an object of its own; they are as the table has them."""
        content = io.BytesIO()
        pq.write_table(rows.cast(self.feed.arrow_schema), content)
        name = f"enriched/{self.feed.name}/{file.run_id}.parquet"
        self.cloud.storage.bucket(self.cloud.output_bucket).blob(name).upload_from_string(content.getvalue())
        days = rows[self.feed.partition_by].to_pylist() if self.feed.partition_by else []
        part = Part(name, len(rows), len(set(days)), min(days, default=None), max(days, default=None))
        plan = LoadPlan(self.target, (part,), "", f"content/{file.run_id}.json")
        return Run(file, plan=plan)

    def load(self, run: Run) -> LoadJob:
        """Load a run's part, as its steps would, and leave nothing else behind."""
        jobs = self.jobs
        answer = jobs.insert(Job(run, 0, JobKind.STAGE if self.target.upserts else JobKind.LOAD), 0)
        chain = finish_part(run, 0, answer)
        request = next(chain)
        try:
            while True:
                match request:
                    case Insert(job, attempt):
                        request = chain.send(jobs.insert(job, attempt))
                    case Wait(job, attempt):
                        request = chain.send(jobs.wait(job, attempt, Deadline.after(60)))
                    case InsertFence(job, attempt, error):
                        request = chain.send(jobs.insert_fence(job, attempt, error))
        except StopIteration as stopped:
            end: PartEnd = stopped.value
        assert end.loaded is not None, end.error
        return end.loaded

    def delete(self, run: Run) -> int:
        """Delete the rows of a run's part, and say how many there were."""
        job = Job(run, 0, JobKind.DELETE)
        assert self.jobs.insert(job, 0) == "inserted"
        end = self.jobs.wait(job, 0, Deadline.after(60))
        assert end.error is None
        return end.rows

    @property
    def jobs(self) -> PartJobs:
        outputs = Outputs(ObjectStore(self.cloud.storage), self.cloud.output_bucket)
        return PartJobs(self.client, "US", outputs)

    def rows(self) -> list[dict[str, Any]]:
        table = self.client.get_table(self.path)
        return [dict(row) for row in self.client.list_rows(table)]


def create_table(cloud: Cloud, name: str, contract: Mapping[str, Any]) -> Table:
    """Make the table of a contract, without rows."""
    feed = parse_feed(name, contract)
    client = cloud.bigquery
    client.create_dataset(feed.table.partition(".")[0], exists_ok=True)
    schema = schema_fields(field.to_api() for field in feed.schema)
    table = bigquery.Table(f"{client.project}.{feed.table}", schema)
    if feed.partition_by is not None:
        table.time_partitioning = bigquery.TimePartitioning(field=feed.partition_by)
    table.clustering_fields = list(feed.cluster_by) or None
    client.delete_table(table, not_found_ok=True)
    client.create_table(table)
    return Table(cloud, feed)
