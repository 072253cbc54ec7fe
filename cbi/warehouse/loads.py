"""Appending a part to its table by a load job."""

from google.cloud import bigquery

from cbi.warehouse.inserts import ParquetLoad
from cbi.warehouse.job_ids import load_job_id
from cbi.warehouse.jobs import Attempt, Jobs, JobSpec
from cbi.warehouse.part_load import LoadRequest, PartLoad
from cbi.warehouse.schema import schema_fields


def load_spec(jobs: Jobs, request: LoadRequest, table: str | None = None) -> JobSpec:
    """The load job of a part into its target, or into another `project.dataset.table`."""
    load = ParquetLoad(
        uri=request.uri,
        table=table or f"{jobs.client.project}.{request.target.table}",
        schema=schema_fields(request.target.schema),
        labels=request.labels,
    )
    return JobSpec(
        lambda attempt: load_job_id(request.target.feed, request.run_id, request.number, attempt),
        lambda job_id: load.insert(jobs.client, jobs.location, job_id),
    )


def appended(attempt: Attempt) -> PartLoad:
    """How a load job that is over ended."""
    if attempt.error is not None:
        return PartLoad(attempt.job_id, error=attempt.error)
    return PartLoad(attempt.job_id, output_rows(attempt))


def output_rows(attempt: Attempt) -> int:
    """The rows a load job says it loaded."""
    assert isinstance(attempt.job, bigquery.LoadJob)
    return int(attempt.job.output_rows)
