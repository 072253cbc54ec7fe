"""Upserting a part: its load job fills a staging table of its own, which is merged into the target by key."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import Conflict, NotFound
from google.cloud import bigquery

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT
from cbi.deadline import Deadline
from cbi.faults import Fault, FaultKind, cloud_error
from cbi.warehouse.inserts import Statement
from cbi.warehouse.job_ids import merge_job_id, staging_table
from cbi.warehouse.jobs import Attempt, Job, Jobs, JobSpec
from cbi.warehouse.loads import load_spec, output_rows
from cbi.warehouse.part_load import LoadRequest, PartLoad
from cbi.warehouse.statements import merge_statement

# Long after a run's events have stopped coming, its staging tables go by themselves.
_STAGING_TABLE_LIFE = timedelta(days=7)


def staging_path(client: bigquery.Client, request: LoadRequest) -> str:
    """`project.dataset.table` of a part's staging table."""
    return f"{client.project}.{staging_table(request.target.table, request.run_id, request.number)}"


def staged_load_spec(jobs: Jobs, request: LoadRequest) -> JobSpec:
    """The load job of a part into its staging table, which is made where it is missing."""
    load = load_spec(jobs, request, staging_path(jobs.client, request))

    def insert(job_id: str) -> Job | Fault:
        _create_staging_table(jobs.client, request)
        return load.insert(job_id)

    return replace(load, insert=insert)


def _create_staging_table(client: bigquery.Client, request: LoadRequest) -> None:
    """Make it with the target's own schema.

    A load goes by names, but a MERGE assigns a STRUCT's fields by their order, which is another than the
    contract's where a field was added to the table later.
    https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#struct_coercion
    """
    target = client.get_table(
        f"{client.project}.{request.target.table}", retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT
    )
    table = bigquery.Table(staging_path(client, request), target.schema)
    table.expires = datetime.now(UTC) + _STAGING_TABLE_LIFE
    # Not with exists_ok, which looks the table up and fails where another delivery removes it meanwhile.
    with suppress(Conflict):
        client.create_table(table, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)


def drop_staging_table(client: bigquery.Client, request: LoadRequest) -> None:
    """Remove a part's staging table. Raises Transient and Misconfigured."""
    table = staging_path(client, request)
    try:
        client.delete_table(table, not_found_ok=True, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
    except CLOUD_FAULTS as error:
        raise cloud_error(error, f"{table} could not be deleted") from error


def merge_part(
    jobs: Jobs, request: LoadRequest, loaded: Attempt, deadline: Deadline, ignored_failures: int
) -> PartLoad:
    """Merge a part's staging table, which the job of `loaded` has filled, into the target, once."""
    client, target, part = jobs.client, request.target, request.part
    staging = staging_path(client, request)
    table = f"{client.project}.{target.table}"
    sql = merge_statement(target, table, staging, part.first_date, part.last_date)
    statement = Statement(sql=sql, labels=request.labels)

    def insert(job_id: str) -> Job | Fault:
        return _expired(jobs, staging, part.rows, job_id) or statement.insert(client, jobs.location, job_id)

    def job_id(attempt: int) -> str:
        return merge_job_id(target.feed, request.run_id, request.number, attempt)

    merged = jobs.run(JobSpec(job_id, insert), deadline, ignored_failures=ignored_failures)
    if merged.error is not None:
        return PartLoad(merged.job_id, error=merged.error)
    counts = merged.job.dml_stats if isinstance(merged.job, bigquery.QueryJob) else None
    return PartLoad(
        loaded.job_id,
        output_rows(loaded),
        inserted=counts.inserted_row_count if counts else None,
        updated=counts.updated_row_count if counts else None,
    )


def _expired(jobs: Jobs, staging: str, rows: int, merge_job: str) -> Fault | None:
    """Why a staging table must not be merged: it has expired since it was loaded, and was not merged then.

    It may have been made again since, without rows.
    """
    found = 0
    with suppress(NotFound):
        found = jobs.client.get_table(staging, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT).num_rows
    if found == rows:
        return None
    try:
        jobs.client.get_job(merge_job, location=jobs.location, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
    except NotFound:
        message = f"{staging} has {found} rows where {rows} were loaded; drop the file again"
        return Fault(FaultKind.REFUSED, "stagingTableExpired", message)
    return None
