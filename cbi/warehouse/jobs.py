"""BigQuery jobs under ids of our own: inserted at most once, adopted by whoever comes second.

BigQuery takes a job id once, ever, also when its job fails. So an id is all the lock there is: a repeat of
an insert is answered with 409, and takes the job that is there.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.api_core.retry import Retry, if_exception_type
from google.cloud import bigquery

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT
from cbi.deadline import Deadline
from cbi.errors import Misconfigured, Transient

# Errors of a finished job that say nothing against its work, so that another attempt may succeed:
# https://cloud.google.com/bigquery/docs/error-messages
_RETRYABLE = frozenset(
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

# How many jobs of its own a delivery may see fail curably before it leaves the next to a later delivery.
_ATTEMPTS_OF_A_DELIVERY = 2

# Seconds between two looks at a job; small loads take one to three seconds.
_FIRST_POLL, _LONGEST_POLL = 0.25, 5.0

# A job whose insert met 409 may be unknown for a moment yet.
_UNTIL_KNOWN = Retry(if_exception_type(NotFound), initial=0.5, maximum=5, timeout=30)

_log = logging.getLogger(__name__)

Job = bigquery.LoadJob | bigquery.QueryJob


@dataclass(frozen=True)
class Work:
    """Something a job does: the id of each attempt at it, and how one is inserted under its id."""

    identify: Callable[[int], str]
    insert: Callable[[str], Job]


@dataclass(frozen=True)
class Attempt:
    """A job at some work; `adopted` when somebody else had inserted it before. `refused` is BigQuery's word
    when it would not even make a job of it."""

    number: int
    identity: str
    job: Job | None
    adopted: bool = False
    refused: str | None = None

    @property
    def error(self) -> str | None:
        """What BigQuery says is wrong, or None where the job is done and well."""
        if self.job is None or self.job.error_result is None:
            return self.refused
        errors = [self.job.error_result, *(self.job.errors or [])]
        return " ".join(dict.fromkeys(error["message"] for error in errors if error.get("message")))

    @property
    def reason(self) -> str:
        """BigQuery's code of the error, such as `invalid`; unlike the error itself it quotes no data."""
        error = self.job.error_result if self.job is not None else None
        return str(error["reason"]) if error else "invalid"

    @property
    def retryable(self) -> bool:
        return self.error is not None and self.reason in _RETRYABLE


class Jobs:
    """The jobs of one project and location. All methods raise Transient when BigQuery cannot be reached."""

    def __init__(self, client: bigquery.Client, location: str) -> None:
        self._client = client
        self._location = location

    def run(self, work: Work, deadline: Deadline, *, ignored_failures: int = 0) -> Attempt:
        """Start a work's first attempt, whoever made it, and finish it."""
        return self.finish(work, self.start(work), deadline, ignored_failures=ignored_failures)

    def start(self, work: Work, number: int = 0) -> Attempt:
        """Insert the job of an attempt, or take the one that is there, whoever inserted it.

        Raises Misconfigured when what it needs does not exist.
        """
        identity = work.identify(number)
        try:
            try:
                return Attempt(number, identity, work.insert(identity))
            except Conflict:
                job = _UNTIL_KNOWN(self._client.get_job)(
                    identity, location=self._location, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT
                )
        except BadRequest as error:  # refused before there was a job, for example for its schema
            return Attempt(number, identity, None, refused=error.message)
        except NotFound as error:
            message = f"job {identity} misses something: run `python -m cbi init` ({error.message})"
            raise Misconfigured(message) from error
        except CLOUD_FAULTS as error:
            raise Transient(f"job {identity} could not be submitted: {error}") from error
        assert isinstance(job, Job)
        _log.info("job %s is there already, %s", identity, job.state)
        return Attempt(number, identity, job, adopted=True)

    def finish(
        self, work: Work, attempt: Attempt, deadline: Deadline, *, ignored_failures: int = 0
    ) -> Attempt:
        """Wait for a job to end, and for the next attempt's where it failed curably; give the last.

        The next attempt is made only once the one before is done and, jobs being atomic, has done nothing.
        So many attempts that failed incurably are pardoned, because somebody has mended it since; as all who
        pardon as many come to the same last attempt, that one can be known to be over.
        Raises Transient when the deadline comes first, or after a few attempts of its own.
        """
        failed = 0
        while True:
            self._wait(attempt, deadline)
            if attempt.error is None:
                return attempt
            _log.warning("job %s failed: %s", attempt.identity, attempt.reason)
            if not attempt.retryable:
                if not ignored_failures:
                    return attempt
                ignored_failures -= 1
            failed += not attempt.adopted
            if failed == _ATTEMPTS_OF_A_DELIVERY:
                raise Transient(f"job {attempt.identity} failed: {attempt.error}")
            attempt = self.start(work, attempt.number + 1)

    def _wait(self, attempt: Attempt, deadline: Deadline) -> None:
        job = attempt.job
        for pause in _pauses():
            if job is None or job.state == "DONE":
                return
            if deadline.passed:
                raise Transient(f"job {attempt.identity} is {job.state} and the function's time is up")
            time.sleep(min(pause, deadline.seconds_left))
            try:
                job.reload(retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
            except CLOUD_FAULTS as error:
                raise Transient(f"job {attempt.identity} could not be looked at: {error}") from error


def _pauses() -> Iterator[float]:
    pause = _FIRST_POLL
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_POLL)
