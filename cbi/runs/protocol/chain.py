"""Following the job ids of one part to their end, and sealing it.

BigQuery takes a job id once, ever. Of a part's ids in an epoch one is open at a time: the next may be used
only once this one's job has ended with an error. So a part is absent for good once the open id is burnt by a
job that does nothing, a fence: whoever comes later, however late, meets it.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from cbi.errors import Fault, FaultKind, Misconfigured, Transient
from cbi.runs.protocol.log import Run
from cbi.runs.protocol.requests import (
    Insert,
    Inserted,
    InsertFence,
    Job,
    JobEnd,
    JobKind,
    Request,
    Wait,
)
from cbi.runs.report import LoadJob

ATTEMPTS_OF_A_DELIVERY = 2
"""How many jobs of its own a delivery may see fail before it leaves the next to a later delivery."""

MOST_ATTEMPTS = 400
"""How many attempts may fail in an epoch, for what passes by itself, before a part counts as refused.

A quota that is used up fills again within a day, in which some 150 events and sweeps make two each.
"""

MOST_INTERNAL_ERRORS = 3
"""An `internalError` can be the service's, or the file's: after these of a part, the file's.

A parquet file whose root had no name was answered with one: https://github.com/duckdb/duckdb/issues/2111
"""

Chain = Generator[Request, Any, "PartEnd"]


@dataclass(frozen=True)
class PartEnd:
    """What became of a part, for good: `loaded`, or sealed because of `error` (None: by whom is unknown)."""

    loaded: LoadJob | None = None
    error: Fault | None = None


def begin_part(run: Run, part: int) -> Generator[Request, Any, Inserted | Fault]:
    """Insert the first job of a part, so that all parts are under way before any is waited for."""
    answer: Inserted | Fault = yield Insert(_first_job(run, part), 0)
    return answer


def finish_part(run: Run, part: int, answer: Inserted | Fault) -> Chain:
    """Bring a part that was begun to its end, merging it into the table where the feed upserts.

    Raises Transient and Misconfigured where the end has to wait for another delivery.
    """
    first = _first_job(run, part)
    if first.kind == JobKind.LOAD:
        return (yield from _follow(first, answer))
    staged = yield from _follow(first, answer, seals=False)
    merge = Job(run, part, JobKind.MERGE)
    if staged.loaded is None:
        return (yield from seal(merge, staged.error))
    return (yield from _follow(merge, None))


def seal_part(run: Run, part: int) -> Chain:
    """Make sure that a part is loaded or never will be in this epoch, without trying to load it."""
    kind = JobKind.MERGE if run.plan is not None and run.plan.target.upserts else JobKind.LOAD
    return (yield from seal(Job(run, part, kind), None))


def seal(job: Job, error: Fault | None) -> Chain:
    """Burn the open id of a job's chain, or find that it has been loaded."""
    attempt = 0
    while True:
        yield InsertFence(job, attempt, error)
        end: JobEnd = yield Wait(job, attempt)
        if end.error is None and not end.fence:
            return PartEnd(loaded=end.done)
        if end.fence:
            return PartEnd(error=error or end.error)
        error = error or end.error
        attempt += 1


def _follow(job: Job, answer: Inserted | Fault | None, *, seals: bool = True) -> Chain:
    """Try a job until it has ended well or is refused; then its chain is sealed, if rows depend on it."""
    attempt, own_failures, internal_errors, passing = 0, 0, 0, 0
    ignored = job.run.ignored_refusals
    while True:
        if answer is None:
            answer = yield Insert(job, attempt)
        if isinstance(answer, Fault):
            return (yield from _give_up(job, answer, seals=seals))
        end: JobEnd = yield Wait(job, attempt)
        if end.fence:
            return PartEnd(error=end.error)
        if end.error is None:
            return PartEnd(loaded=end.done)
        internal_errors += end.error.reason == "internalError"
        passing += end.error.kind == FaultKind.RETRYABLE
        own_failures += answer == "inserted"
        attempt += 1
        if end.error.kind == FaultKind.REFUSED and ignored:
            ignored, answer = ignored - 1, None
            continue
        spliced = job.run.plan is not None and job.run.plan.spliced
        its_own = spliced and internal_errors == MOST_INTERNAL_ERRORS
        if end.error.kind == FaultKind.REFUSED or its_own or passing >= MOST_ATTEMPTS:
            return (yield from _give_up(job, end.error, seals=seals))
        if answer == "inserted" and end.error.kind == FaultKind.OPERATOR:
            raise Misconfigured(end.error.message)
        if own_failures == ATTEMPTS_OF_A_DELIVERY:
            raise Transient(f"a load job failed {own_failures} times: {end.error.message}")
        answer = None


def _give_up(job: Job, error: Fault, *, seals: bool) -> Chain:
    if not seals:
        return PartEnd(error=error)
    return (yield from seal(job, error))


def _first_job(run: Run, part: int) -> Job:
    upserts = run.plan is not None and run.plan.target.upserts
    return Job(run, part, JobKind.STAGE if upserts else JobKind.LOAD)
