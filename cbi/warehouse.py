"""BigQuery load jobs: each part of a run loaded once, however often it is tried."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.api_core.retry import Retry, if_exception_type
from google.cloud import bigquery
from google.cloud.bigquery import CreateDisposition, SourceFormat, WriteDisposition

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT
from cbi.deadline import Deadline
from cbi.errors import Misconfigured, Transient
from cbi.identity import job_id

# Errors of a finished job that say nothing against the file, so that another attempt may succeed:
# https://cloud.google.com/bigquery/docs/error-messages
_CURABLE = frozenset(
    {
        "backendError",
        "internalError",
        "jobBackendError",
        "jobInternalError",
        "jobRateLimitExceeded",
        "quotaExceeded",
        "rateLimitExceeded",
        "stopped",
        "tableUnavailable",
        "timeout",
    }
)

# How many jobs a part may use up before its run fails. Each counts against the table's quota of a day.
_MOST_ATTEMPTS = 5

# Seconds between two looks at a job; small loads take one to three seconds.
_FIRST_POLL, _LONGEST_POLL = 0.25, 5.0

# A job whose insert met 409 may be unknown for a moment yet.
_UNTIL_KNOWN = Retry(if_exception_type(NotFound), initial=0.5, maximum=5, timeout=30)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadRequest:
    """One part to load: a parquet object into a table, `dataset.table`, whose schema is in API form."""

    uri: str
    table: str
    schema: Sequence[Mapping[str, Any]]
    feed: str
    run_id: str
    part: int

    def job_id(self, attempt: int) -> str:
        return job_id(self.feed, self.run_id, self.part, attempt)


@dataclass(frozen=True)
class FinishedLoad:
    """How a part's load ended: the job, the rows BigQuery says it loaded, or what it says is wrong.

    A load job is atomic: with an error, no row of it is in the table.
    """

    job_id: str
    rows: int
    error: str | None = None


class Warehouse:
    """The load jobs of one project and location."""

    def __init__(self, client: bigquery.Client, location: str) -> None:
        self._client = client
        self._location = location

    def load(self, requests: Sequence[LoadRequest], deadline: Deadline) -> tuple[FinishedLoad, ...]:
        """Load every part once, however often this is called, and wait until all have ended.

        Raises Transient when the deadline comes first or BigQuery cannot be reached, and Misconfigured when
        there is no such table.
        """
        started = [self._start(request, attempt=0) for request in requests]
        return tuple(
            begun if isinstance(begun, FinishedLoad) else self._finish(request, begun, deadline)
            for request, begun in zip(requests, started, strict=True)
        )

    def _start(self, request: LoadRequest, attempt: int) -> bigquery.LoadJob | FinishedLoad:
        """Insert the part's job, or take the one that is there already, whoever inserted it."""
        identity = request.job_id(attempt)
        table = f"{self._client.project}.{request.table}"
        try:
            try:
                return self._client.load_table_from_uri(
                    request.uri,
                    table,
                    job_id=identity,
                    location=self._location,
                    job_config=_configure(request),
                    retry=BIGQUERY_RETRY,
                    timeout=REQUEST_TIMEOUT,
                )
            except Conflict:
                job = _UNTIL_KNOWN(self._client.get_job)(
                    identity, location=self._location, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT
                )
                assert isinstance(job, bigquery.LoadJob)
                _log.info("load job %s is there already, %s", identity, job.state)
                return job
        except BadRequest as error:  # refused before there was a job, for example for its schema
            return FinishedLoad(identity, 0, error.message)
        except NotFound as error:
            message = f"{table} does not exist: run `python -m cbi init` ({error.message})"
            raise Misconfigured(message) from error
        except CLOUD_FAULTS as error:
            raise Transient(f"load job {identity} could not be submitted: {error}") from error

    def _finish(self, request: LoadRequest, job: bigquery.LoadJob, deadline: Deadline) -> FinishedLoad:
        """Wait for a part's job, and for the next attempt's where one failed curably.

        The next attempt is made only once the job before is done and has loaded nothing.
        """
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            self._wait(job, deadline)
            if job.error_result is None:
                return FinishedLoad(job.job_id, job.output_rows)
            _log.warning("load job %s failed: %s", job.job_id, _explain(job))
            if job.error_result.get("reason") not in _CURABLE or attempt == _MOST_ATTEMPTS:
                break
            begun = self._start(request, attempt)
            if isinstance(begun, FinishedLoad):
                return begun
            job = begun
        return FinishedLoad(job.job_id, 0, _explain(job))

    def _wait(self, job: bigquery.LoadJob, deadline: Deadline) -> None:
        for pause in _pauses():
            if job.state == "DONE":
                return
            if deadline.passed:
                raise Transient(f"load job {job.job_id} is {job.state} and the function's time is up")
            time.sleep(min(pause, deadline.seconds_left))
            try:
                job.reload(retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
            except CLOUD_FAULTS as error:
                raise Transient(f"load job {job.job_id} could not be looked at: {error}") from error


def _configure(request: LoadRequest) -> bigquery.LoadJobConfig:
    return bigquery.LoadJobConfig(
        source_format=SourceFormat.PARQUET,
        schema=[bigquery.SchemaField.from_api_repr(dict(field)) for field in request.schema],
        create_disposition=CreateDisposition.CREATE_NEVER,
        write_disposition=WriteDisposition.WRITE_APPEND,
        labels={"component": "cbi", "feed": request.feed, "run_id": request.run_id},
    )


def _pauses() -> Iterator[float]:
    pause = _FIRST_POLL
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_POLL)


def _explain(job: bigquery.LoadJob) -> str:
    """What BigQuery said of a failed job, each of its messages once."""
    errors = [job.error_result or {}, *(job.errors or [])]
    return " ".join(dict.fromkeys(error["message"] for error in errors if error.get("message")))
