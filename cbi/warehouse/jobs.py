"""BigQuery jobs under ids of our own: inserted at most once, adopted by whoever comes second.

BigQuery takes a job id once, ever, also when its job fails. So an id is all the lock there is: a repeat of
an insert is answered with 409, and takes the job that is there.

The ids for one purpose are a chain. The next is used only once the job of the one before is done and has
failed, which, jobs being atomic, means that it did nothing. So at most one id is open at a time, whoever
comes later walks the same chain, and at most one job of it ever succeeds.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from google.api_core.exceptions import Conflict, NotFound
from google.api_core.retry import Retry, if_exception_type
from google.cloud import bigquery

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT
from cbi.deadline import Deadline
from cbi.errors import Fault, FaultKind, Misconfigured, Transient
from cbi.faults import cloud_error, error_of, fault_of, fault_of_job

# How many jobs of its own a delivery may see fail before it leaves the next to a later delivery.
_ATTEMPTS_OF_A_DELIVERY = 2

# Seconds between two looks at a job; small loads take one to three seconds.
_FIRST_POLL, _LONGEST_POLL = 0.25, 5.0

# A job whose insert met 409 may be unknown for a moment yet.
_UNTIL_KNOWN = Retry(if_exception_type(NotFound), initial=0.5, maximum=5, timeout=30)

_log = logging.getLogger(__name__)

Job = bigquery.LoadJob | bigquery.QueryJob


@dataclass(frozen=True)
class JobSpec:
    """What a job is to do: the id of each attempt, and how one is inserted under its id.

    `insert` raises Conflict where the id is used.
    """

    job_id: Callable[[int], str]
    insert: Callable[[str], Job]


@dataclass(frozen=True)
class Attempt:
    """The job of an attempt; `adopted` when somebody else had inserted it before.

    `rejection` says why there is no job: BigQuery refused the insert, and the id is still free.
    """

    number: int
    job_id: str
    job: Job | None = None
    adopted: bool = False
    rejection: Fault | None = None

    @property
    def fault(self) -> Fault | None:
        """What is wrong, or None where the job is done and well."""
        return self.rejection if self.job is None else fault_of_job(self.job)

    @property
    def error(self) -> str | None:
        """What BigQuery says is wrong, or None where the job is done and well."""
        return None if self.fault is None else self.fault.message


class Jobs:
    """The jobs of one project and location.

    All methods raise Transient when BigQuery cannot be reached, and Misconfigured when an operator has to
    correct something first.
    """

    def __init__(self, client: bigquery.Client, location: str) -> None:
        self.client = client
        self.location = location

    def run(self, spec: JobSpec, deadline: Deadline) -> Attempt:
        """Insert the first job of a chain, go on with the next where one fails, and return the last.

        The last is the one that succeeded or was refused. A failure that an operator has to correct is raised
        by whoever inserted the job. Whoever finds it later tries the next: its id is used, and its cause may
        be gone. Raises Transient when the deadline comes first, or after a few attempts of its own.
        """
        attempt, failed = self._start(spec, 0), 0
        while True:
            if attempt.job is not None:
                wait_for_job(attempt.job, deadline)
            fault = attempt.fault
            if fault is None or fault.kind is FaultKind.REFUSED:
                return attempt
            _log.warning("job %s failed: %s", attempt.job_id, fault.reason)
            if fault.kind is FaultKind.OPERATOR and not attempt.adopted:
                raise error_of(fault, f"job {attempt.job_id} failed")
            failed += not attempt.adopted
            if failed == _ATTEMPTS_OF_A_DELIVERY:
                raise Transient(f"job {attempt.job_id} failed: {fault.message}")
            attempt = self._start(spec, attempt.number + 1)

    def _start(self, spec: JobSpec, number: int) -> Attempt:
        """Insert the job of an attempt, or take the one that is there, whoever inserted it."""
        job_id = spec.job_id(number)
        try:
            job = spec.insert(job_id)
        except Conflict:
            found = find_job(self.client, job_id, self.client.project, self.location)
            return Attempt(number, job_id, found, adopted=True)
        except CLOUD_FAULTS as error:
            return Attempt(number, job_id, rejection=refusal_of(error, job_id))
        return Attempt(number, job_id, job)


def refusal_of(error: Exception, job_id: str) -> Fault:
    """Why BigQuery would not make a job; raised as Transient or Misconfigured where it may yet."""
    fault = fault_of(error)
    if fault.kind is not FaultKind.REFUSED:
        raise error_of(fault, f"job {job_id} could not be inserted") from error
    return fault


def find_job(client: bigquery.Client, job_id: str, project: str, location: str) -> Job:
    """The job under an id that is used. Raises Transient and Misconfigured."""
    try:
        job = _UNTIL_KNOWN(client.get_job)(
            job_id, project=project, location=location, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT
        )
    except CLOUD_FAULTS as error:
        raise cloud_error(error, f"job {job_id} could not be looked at") from error
    if not isinstance(job, Job):
        raise Misconfigured(
            f"the job id {job_id} is used by another kind of job; ids with cbi_ are this one's"
        )
    _log.info("job %s is there already, %s", job_id, job.state)
    return job


def wait_for_job(job: Job, deadline: Deadline) -> None:
    """Wait until a job has ended. Raises Transient when the deadline comes first, and Misconfigured."""
    for pause in _pauses():
        if job.state == "DONE":
            return
        if deadline.passed:
            raise Transient(f"job {job.job_id} is {job.state} and the function's time is up")
        time.sleep(min(pause, deadline.seconds_left))
        try:
            job.reload(retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
        except CLOUD_FAULTS as error:
            raise cloud_error(error, f"job {job.job_id} could not be looked at") from error


def _pauses() -> Iterator[float]:
    pause = _FIRST_POLL
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_POLL)
