"""The jobs of a run's parts in BigQuery: inserted under their ids, waited for, and the fences that burn an
id."""

import json
import logging
from collections.abc import Mapping

from google.api_core.exceptions import Conflict, NotFound
from google.cloud import bigquery

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT
from cbi.contract.parts import Part
from cbi.deadline import Deadline
from cbi.errors import Fault, FaultKind
from cbi.faults import cloud_error, error_of, fault_of_job
from cbi.gcs.outputs import Outputs
from cbi.runs.plan import LoadPlan
from cbi.runs.protocol.log import Run
from cbi.runs.protocol.requests import Inserted, Job, JobEnd, JobKind
from cbi.runs.report import LoadJob
from cbi.warehouse.inserts import ParquetLoad, Statement
from cbi.warehouse.job_ids import delete_job_id, load_job_id, merge_job_id, staging_table
from cbi.warehouse.jobs import find_job, refusal_of, wait_for_job
from cbi.warehouse.schema import schema_fields
from cbi.warehouse.staging_tables import create_staging_table, drop_staging_table, staged_rows
from cbi.warehouse.statements import comment_of, delete_statement, merge_statement, no_statement

_log = logging.getLogger(__name__)

BigQueryJob = bigquery.LoadJob | bigquery.QueryJob


class PartJobs:
    """Jobs by their ids, in the project and location that the run's plan names, else in these.

    All methods raise Transient when BigQuery cannot be reached, and Misconfigured when an operator has to
    correct something first.
    """

    def __init__(self, client: bigquery.Client, location: str, outputs: Outputs) -> None:
        self._client = client
        self._location = location
        self._outputs = outputs
        self._inserted: dict[str, BigQueryJob] = {}

    def insert(self, job: Job, attempt: int) -> Inserted | Fault:
        """Insert the job of an attempt; a Fault where BigQuery would not make it."""
        job_id = _job_id(job, attempt)
        try:
            inserted = self._insert(job, job_id)
        except Conflict:
            return "exists"
        except CLOUD_FAULTS as error:
            return refusal_of(error, job_id)
        if isinstance(inserted, Fault):
            return inserted
        self._inserted[job_id] = inserted
        return "inserted"

    def insert_fence(self, job: Job, attempt: int, error: Fault | None) -> Inserted:
        """Use up an id by a statement that does nothing, for nothing.

        What BigQuery had refused is kept in it, else it would be lost with this process.
        """
        job_id = _job_id(job, attempt)
        said = {"kind": error.kind, "reason": error.reason, "message": error.message} if error else None
        fence = Statement(sql=no_statement(json.dumps(said)), labels=_labels(job.run))
        try:
            self._inserted[job_id] = self._submit(fence, job, job_id)
        except Conflict:
            return "exists"
        except CLOUD_FAULTS as failure:
            raise cloud_error(failure, f"the job id {job_id} could not be used up") from failure
        return "inserted"

    def wait(self, job: Job, attempt: int, deadline: Deadline) -> JobEnd:
        """Wait for the job of an attempt, whoever inserted it. Raises Transient when the deadline comes
        first."""
        job_id = _job_id(job, attempt)
        found = self._inserted.pop(job_id, None)
        if found is None:
            found = find_job(self._client, job_id, self._project_of(job), self._location_of(job))
        wait_for_job(found, deadline)
        return _end(job, job_id, found)

    def drop_staging_tables(self, run: Run) -> None:
        """Remove what the parts were merged from, in this epoch of the run and those before."""
        if run.plan is None or not run.plan.target.upserts:
            return
        for part in range(len(run.parts)):
            for epoch in range(run.epoch + 1):
                drop_staging_table(self._client, self._staging_table(run, part, epoch))

    def _insert(self, job: Job, job_id: str) -> BigQueryJob | Fault:
        plan, part = _plan(job), _part(job)
        table = self._path(job.run, plan.target.table)
        staging = self._staging_table(job.run, job.part, job.run.epoch)
        match job.kind:
            case JobKind.LOAD:
                return self._load(job, job_id, table)
            case JobKind.STAGE:
                create_staging_table(self._client, staging, table)
                return self._load(job, job_id, staging)
            case JobKind.MERGE:
                found = staged_rows(self._client, staging)
                if found != part.rows and not self._is_there(job, job_id):
                    message = f"{staging} has {found} rows where {part.rows} were loaded"
                    return Fault(FaultKind.REFUSED, "stagingTableExpired", message)
                sql = merge_statement(plan.target, table, staging, part.first_date, part.last_date)
            case JobKind.DELETE:
                run_id = job.run.file.run_id
                sql = delete_statement(plan.target, table, run_id, part.first_date, part.last_date)
        return self._submit(Statement(sql=sql, labels=_labels(job.run)), job, job_id)

    def _load(self, job: Job, job_id: str, table: str) -> BigQueryJob:
        load = ParquetLoad(
            uri=self._outputs.uri(_part(job).name),
            table=table,
            schema=schema_fields(_plan(job).target.schema),
            labels=_labels(job.run),
        )
        return self._submit(load, job, job_id)

    def _submit(self, what: ParquetLoad | Statement, job: Job, job_id: str) -> BigQueryJob:
        return what.insert(self._client, self._location_of(job), job_id, self._project_of(job))

    def _is_there(self, job: Job, job_id: str) -> bool:
        try:
            self._client.get_job(
                job_id,
                project=self._project_of(job),
                location=self._location_of(job),
                retry=BIGQUERY_RETRY,
                timeout=REQUEST_TIMEOUT,
            )
        except NotFound:
            return False
        return True

    def _staging_table(self, run: Run, part: int, epoch: int) -> str:
        table = run.plan.target.table if run.plan else ""
        return self._path(run, staging_table(table, run.file.run_id, part, epoch))

    def _path(self, run: Run, table: str) -> str:
        project = run.plan.project if run.plan else None
        return f"{project or self._client.project}.{table}"

    def _project_of(self, job: Job) -> str:
        return _plan(job).project or self._client.project

    def _location_of(self, job: Job) -> str:
        return _plan(job).location or self._location


def _end(job: Job, job_id: str, found: BigQueryJob) -> JobEnd:
    if isinstance(found, bigquery.QueryJob) and (comment := comment_of(found.query)) is not None:
        said = json.loads(comment)
        error = Fault(FaultKind(said["kind"]), said["reason"], said["message"]) if said else None
        return JobEnd(fence=True, error=error)
    if (fault := fault_of_job(found)) is not None:
        _log.warning("job %s failed: %s", job_id, fault.reason)
        said = f"{job_id}: {fault.message}"
        if fault.kind is FaultKind.OPERATOR:
            said = str(error_of(fault, f"job {job_id} failed"))
        return JobEnd(error=Fault(fault.kind, fault.reason, said))
    part = _part(job)
    if isinstance(found, bigquery.LoadJob):
        return JobEnd(done=LoadJob(job_id, int(found.output_rows or 0), part.partitions))
    if job.kind == JobKind.DELETE:
        return JobEnd(rows=found.num_dml_affected_rows or 0)
    counts = found.dml_stats
    loaded = LoadJob(
        job_id,
        part.rows,
        part.partitions,
        inserted=counts.inserted_row_count if counts else None,
        updated=counts.updated_row_count if counts else None,
    )
    return JobEnd(done=loaded)


def _job_id(job: Job, attempt: int) -> str:
    feed, run_id, epoch = _plan(job).target.feed, job.run.file.run_id, job.run.epoch
    match job.kind:
        case JobKind.DELETE:
            return delete_job_id(feed, run_id, job.part, attempt)
        case JobKind.MERGE:
            return merge_job_id(feed, run_id, job.part, epoch, attempt)
        case JobKind.LOAD | JobKind.STAGE:
            return load_job_id(feed, run_id, job.part, epoch, attempt)


def _labels(run: Run) -> Mapping[str, str]:
    """What a run's jobs are found by in BigQuery's own views of jobs."""
    feed = run.plan.target.feed if run.plan else ""
    return {"component": "cbi", "feed": feed, "run_id": run.file.run_id}


def _plan(job: Job) -> LoadPlan:
    assert job.run.plan is not None, "only a run with a plan has jobs"
    return job.run.plan


def _part(job: Job) -> Part:
    return _plan(job).parts[job.part]
