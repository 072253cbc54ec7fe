"""The identity and the lifetime of load jobs: PENDING, RUNNING, DONE, each id used once, a day's limit."""

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self
from uuid import uuid4

import duckdb
from bqemulator.api.dependencies import AppContext
from bqemulator.catalog.etag import generate_etag
from bqemulator.catalog.models import JobMeta
from bqemulator.domain.errors import NotFoundError, ValidationError

from cbi.local.bigquery.loads import Json, LoadFailed, load, table_key


@dataclass(frozen=True)
class LoadRules:
    """What tests may change while the server runs, under `/_local/settings`.

    Load jobs take `load_seconds` from insert to DONE; a table takes `loads_per_table_per_day`, failed
    ones included; `fail_next_loads` are the error reasons of the next load jobs, one each.
    """

    load_seconds: float = 0
    loads_per_table_per_day: int = 1_500
    fail_next_loads: Sequence[str] = ()

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """These rules with some replaced. Raises TypeError for a name that is not a rule."""
        return type(self)(**{**asdict(self), **changes})


class LoadJobs:
    """Runs load jobs. `turn` is the lock that serialises the server: hold it when calling a method."""

    def __init__(self, context: AppContext, turn: asyncio.Lock, rules: LoadRules) -> None:
        self.rules = rules
        self._context = context
        self._turn = turn
        self._waiting: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._loads_today: Counter[tuple[object, ...]] = Counter()

    def resume(self, project: str) -> None:
        """Count the loads of a stored project and begin those again that a stop of the server cut off."""
        for job in self._context.catalog.list_jobs(project, max_results=sys.maxsize):
            if job.job_type == "LOAD":
                self._loads_today[self._quota_key(job)] += 1
                if job.state != "DONE":
                    self._start(job, self.rules.load_seconds, self._next_failure(job))

    async def insert(self, project: str, body: Mapping[str, Any]) -> str:
        """Insert a load job and return its id; it is DONE already when load jobs take no time.

        Raises bqemulator's ValidationError or NotFoundError when no job comes into being.
        """
        configuration = body["configuration"]
        self._check(project, configuration["load"])
        now = self._context.clock.now()
        job_id = body.get("jobReference", {}).get("jobId") or f"local_{uuid4().hex}"
        job = JobMeta(
            project_id=project,
            job_id=job_id,
            job_type="LOAD",
            state="PENDING",
            configuration=configuration,
            creation_time=now,
            etag=generate_etag(project, job_id, now),
        )
        self._context.catalog.upsert_job(job)
        self._loads_today[self._quota_key(job)] += 1
        failure = self._next_failure(job)
        if (failure is not None and failure.reason == "quotaExceeded") or not self.rules.load_seconds:
            await self._finish(job, failure)
        else:
            self._start(job, self.rules.load_seconds, failure)
        return job_id

    def cancel(self, project: str, job_id: str) -> None:
        """Stop a job that is not DONE yet; on others this does nothing."""
        task = self._waiting.pop((project, job_id), None)
        job = self._context.catalog.get_job(project, job_id)
        if task is not None and job is not None:
            task.cancel()
            self._fail(job, LoadFailed("stopped", "Job execution was cancelled: User requested cancellation"))

    def _check(self, project: str, configuration: Mapping[str, Any]) -> None:
        destination_project, dataset, table = table_key(project, configuration)
        if self._context.catalog.get_dataset(destination_project, dataset) is None:
            raise NotFoundError(f"Not found: Dataset {destination_project}:{dataset}")
        if configuration.get("sourceFormat") != "PARQUET":
            raise ValidationError("The local BigQuery loads PARQUET only: set source_format")
        if "$" in table or configuration.get("schemaUpdateOptions"):
            raise ValidationError("The local BigQuery knows neither partition decorators nor schema updates")
        if not configuration.get("sourceUris"):
            raise ValidationError("A load job needs at least one source URI")

    def _quota_key(self, job: JobMeta) -> tuple[object, ...]:
        return (*table_key(job.project_id, job.configuration["load"]), job.creation_time.date())

    def _next_failure(self, job: JobMeta) -> LoadFailed | None:
        if self._loads_today[self._quota_key(job)] > self.rules.loads_per_table_per_day:
            return LoadFailed(
                "quotaExceeded", "Quota exceeded: Your table exceeded quota for imports per table"
            )
        if not self.rules.fail_next_loads:
            return None
        reason, *others = self.rules.fail_next_loads
        self.rules = replace(self.rules, fail_next_loads=others)
        return LoadFailed(reason, f"The local BigQuery was asked to fail this job with {reason}")

    def _start(self, job: JobMeta, seconds: float, failure: LoadFailed | None) -> None:
        key = (job.project_id, job.job_id)
        self._waiting[key] = asyncio.create_task(self._live(job, seconds, failure))

    async def _live(self, job: JobMeta, seconds: float, failure: LoadFailed | None) -> None:
        await asyncio.sleep(seconds / 2)
        async with self._turn:
            job = job.model_copy(update={"state": "RUNNING", "start_time": self._context.clock.now()})
            self._context.catalog.upsert_job(job)
        await asyncio.sleep(seconds / 2)
        async with self._turn:
            self._waiting.pop((job.project_id, job.job_id), None)
            await self._finish(job, failure)

    async def _finish(self, job: JobMeta, failure: LoadFailed | None) -> None:
        if failure is not None:
            return self._fail(job, failure)
        try:
            await asyncio.to_thread(self._load, job)
        except LoadFailed as error:
            self._fail(job, error)
        except duckdb.Error as error:
            self._fail(job, LoadFailed("internalError", str(error)))

    def _load(self, job: JobMeta) -> None:
        """The rows and the job's DONE are one transaction: a killed server shows both or neither."""
        engine, catalog = self._context.engine, self._context.catalog
        engine.execute("BEGIN TRANSACTION")
        try:
            statistics = load(self._context, job.project_id, job.configuration["load"])
            catalog.upsert_job(self._done(job, statistics={"load": statistics}))
            engine.execute("COMMIT")
        except (LoadFailed, duckdb.Error):
            engine.execute("ROLLBACK")
            raise

    def _fail(self, job: JobMeta, failure: LoadFailed) -> None:
        self._context.catalog.upsert_job(self._done(job, error_result=failure.error_result()))

    def _done(self, job: JobMeta, **outcome: Json) -> JobMeta:
        now = self._context.clock.now()
        started = job.start_time or now
        return job.model_copy(update={"state": "DONE", "start_time": started, "end_time": now, **outcome})
