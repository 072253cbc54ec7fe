"""Deleting the rows that a run has loaded."""

from google.cloud import bigquery

from cbi.deadline import Deadline
from cbi.warehouse.inserts import Statement
from cbi.warehouse.job_ids import delete_job_id
from cbi.warehouse.jobs import Jobs, JobSpec
from cbi.warehouse.part_load import LoadRequest, PartLoad
from cbi.warehouse.statements import delete_statement


def delete_part(jobs: Jobs, request: LoadRequest, deadline: Deadline) -> PartLoad:
    """Delete the rows that a run has in the table for a part's days; `rows` says how many there were.

    Raises Transient and Misconfigured.
    """
    target, part = request.target, request.part
    table = f"{jobs.client.project}.{target.table}"
    sql = delete_statement(target, table, request.run_id, part.first_date, part.last_date)
    statement = Statement(sql=sql, labels=request.labels)
    spec = JobSpec(
        lambda attempt: delete_job_id(target.feed, request.run_id, request.number, attempt),
        lambda job_id: statement.insert(jobs.client, jobs.location, job_id),
    )
    deleted = jobs.run(spec, deadline)
    if deleted.error is not None:
        return PartLoad(deleted.job_id, error=deleted.error)
    assert isinstance(deleted.job, bigquery.QueryJob)
    return PartLoad(deleted.job_id, rows=deleted.job.num_dml_affected_rows or 0)
