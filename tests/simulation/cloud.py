"""Storage and BigQuery, simulated: a state that never changes, and what each request makes of it.

The state is a mapping of keys to values, all hashable, so that states can be recognised again:

    ("staged", name)        generation of the live object
    ("log", run)            entries
    ("report", run)         Verdict
    ("claim", name)         Held
    ("pending", run, wish)  Pending
    ("quarantine", run, plan_epoch)   the rows kept
    ("job", …id)            SimulatedJob
    ("row", run, row)       the calendars by which the row was loaded, one for each time it is there
    ("staging", …id)        the rows of a part's own table, to be merged
    ("calendar",) ("hours",)

A run is called by its file's name and generation, `A#1`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from cbi.contract.parts import Part
from cbi.contract.target import Target
from cbi.errors import Reason
from cbi.findings import Failure, RequiredFields, ValidationReport
from cbi.gcs.identity import StagedFile
from cbi.runs.plan import Found, LoadPlan
from cbi.runs.protocol.log import Entry, Failed, Log, Planned, Run
from cbi.runs.protocol.requests import (
    Append,
    Candidate,
    CleanUp,
    ClearPending,
    Clock,
    ContentClaim,
    ErrorClass,
    HasReport,
    Held,
    Insert,
    InsertFence,
    Job,
    JobEnd,
    JobError,
    JobKind,
    KeepQuarantine,
    Look,
    MarkPending,
    Pending,
    Prepare,
    Publish,
    ReadClaim,
    ReadLog,
    Request,
    TakeClaim,
    Time,
    Wait,
)
from cbi.runs.report import LoadJob, Source

Key = tuple[Any, ...]
State = Mapping[Key, Any]

BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
DELIVERY_SECONDS = 3600.0


RETRYABLE = JobError(ErrorClass.RETRYABLE, "backendError", "try again")
REFUSED = JobError(ErrorClass.REFUSED, "invalid", "no good")
OPERATOR = JobError(ErrorClass.OPERATOR, "accessDenied", "may not")
ERRORS = (RETRYABLE, REFUSED, OPERATOR)


class _NoCounts(dict[str, int]):
    """An empty dict that can be part of a state."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0


_VALIDATION = ValidationReport(required_fields=RequiredFields(True, null_counts=_NoCounts()))
_NO_TIMINGS: Any = _NoCounts()


@dataclass(frozen=True)
class File:
    """What a staged file is like: its bytes, and how its feed takes them."""

    content: str
    parts: int = 1
    spliced: bool = False
    upserts: bool = False
    dedupes: bool = True
    kills: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a report says."""

    success: bool
    loaded: tuple[int, ...]
    plan_epoch: int
    calendar: int | None


@dataclass(frozen=True)
class SimulatedJob:
    """A job: what it does (None: nothing, it is a fence), and how it ended."""

    job: Job | None
    end: JobEnd | None = None

    @property
    def pending(self) -> bool:
        return self.end is None


def label(file: StagedFile) -> str:
    """What a run is called here."""
    return f"{file.name}#{file.generation}"


def enabled(state: State, request: Request | None) -> bool:
    """Whether a request can be answered: waiting takes until the job has ended."""
    return not isinstance(request, Wait) or not state[job_key(request.job, request.attempt)].pending


def job_key(job: Job, attempt: int) -> Key:
    """The id of an attempt."""
    epoch = -1 if job.kind == JobKind.DELETE else job.run.epoch
    return ("job", label(job.run.file), job.kind.value, job.part, epoch, attempt)


def pending_key(pending: Pending) -> Key:
    return ("pending", label(pending.file), repr(pending.entry))


def staging_key(job: Job) -> Key:
    return ("staging", label(job.run.file), job.part, job.run.epoch)


def rows_of_part(run: Run, part: int) -> tuple[str, ...]:
    """A part's rows: the last row of the last part has a regime from calendar 1 on, else it is left out."""
    assert run.plan is not None
    last = part == len(run.plan.parts) - 1
    return (f"r{part}", "q") if last and calendar_of(run) else (f"r{part}",)


def calendar_of(run: Run) -> int:
    """By which calendar a run's parts were made."""
    assert run.plan is not None
    return int(run.plan.inputs_digest)


def ends(state: State, key: Key, error: JobError | None) -> State:
    """A pending job ends: atomically, with all of its work done or nothing."""
    job = state[key].job
    assert job is not None
    changed = dict(state)
    if error is not None:
        changed[key] = SimulatedJob(job, JobEnd(error=error))
        return changed
    run, rows = label(job.run.file), 0
    if job.kind == JobKind.LOAD or (job.kind == JobKind.MERGE):
        for row in rows_of_part(job.run, job.part):
            place = ("row", run, row)
            times = () if job.kind == JobKind.MERGE else changed.get(place, ())
            changed[place] = (*times, calendar_of(job.run))
    if job.kind == JobKind.STAGE:
        changed[staging_key(job)] = True
    if job.kind == JobKind.DELETE:
        for row in rows_of_part(job.run, job.part):
            rows += len(changed.pop(("row", run, row), ()))
    plan = job.run.plan
    loaded = LoadJob("job", plan.parts[job.part].rows, 1) if plan else None
    done = None if job.kind == JobKind.DELETE else loaded
    changed[key] = SimulatedJob(job, JobEnd(done=done, rows=rows))
    return changed


class Cloud:
    """The rules. `files` says what each staged object is like."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self.files = files

    def execute(self, state: State, request: Request) -> tuple[State, Any]:
        """The state after a request, and its answer."""
        match request:
            case ReadLog(file):
                return state, self.log(state, file)
            case Append(log, entry):
                entries = state.get(("log", label(log.file)), ())
                if len(entries) != len(log.entries):
                    return state, None
                if isinstance(entry, Failed):  # what it says was found is no part of a state
                    entry = Failed(found(log.file), entry.failure)
                entries = (*entries, entry)
                longer = Log(log.file, entries, len(entries))
                return {**state, ("log", label(log.file)): entries}, longer
            case HasReport(file):
                return state, ("report", label(file)) in state
            case Publish():
                return self._publish(state, request), None
            case MarkPending(pending):
                return {**state, pending_key(pending): pending}, None
            case ClearPending(pending):
                return _without(state, pending_key(pending)), None
            case Look(file):
                return state, self._look(state, file)
            case Prepare(candidate, rewrite):
                return state, self._prepare(state, candidate, rewrite=rewrite)
            case Clock():
                return state, Time(BEGINNING + timedelta(hours=state[("hours",)]), DELIVERY_SECONDS)
            case ReadClaim(claim):
                return state, state.get(("claim", claim.name))
            case TakeClaim(claim, over, owner, epoch):
                if state.get(("claim", claim.name)) != over:
                    return state, False
                return {**state, ("claim", claim.name): Held(owner, epoch, None, 1)}, True
            case Insert(job, attempt):
                return self._insert(state, job_key(job, attempt), SimulatedJob(job))
            case InsertFence(job, attempt, error):
                fence = SimulatedJob(None, JobEnd(fence=True, error=error))
                return self._insert(state, job_key(job, attempt), fence)
            case Wait(job, attempt):
                return state, state[job_key(job, attempt)].end
            case KeepQuarantine(run):
                rows = () if run.plan is None or run.plan.quarantine_object is None else ("q",)
                return {**state, ("quarantine", label(run.file), run.plan_epoch): rows}, True
            case CleanUp():
                return state, None

    @staticmethod
    def is_free(state: State, insert: Insert) -> bool:
        """Whether the id that a job is to be inserted under has not been used."""
        return job_key(insert.job, insert.attempt) not in state

    def kills(self, request: Request) -> bool:
        """Whether a request ends the process that makes it."""
        return isinstance(request, Prepare) and self.files[request.candidate.file.name].kills

    def content(self, run: str) -> str:
        """What of a run's bytes may be in the table once; files are dropped again with the same bytes."""
        kind = self.files[run.partition("#")[0]]
        return kind.content if kind.dedupes else run

    def log(self, state: State, file: StagedFile) -> Log:
        entries: tuple[Entry, ...] = state.get(("log", label(file)), ())
        return Log(file, entries, len(entries))

    def _publish(self, state: State, publish: Publish) -> State:
        key = ("report", label(publish.run.file))
        if key in state:
            return state
        plan = publish.run.plan
        return {
            **state,
            key: Verdict(
                publish.failure is None,
                tuple(part.number for part in publish.loaded),
                publish.run.plan_epoch,
                calendar_of(publish.run) if plan else None,
            ),
        }

    def _look(self, state: State, file: StagedFile) -> Candidate | Failed:
        if state.get(("staged", file.name)) != file.generation:
            return Failed(found(file), Failure(Reason.SUPERSEDED, "superseded"))
        return Candidate(file, "feed", 1, BEGINNING, ContentClaim(self.content(label(file)), None))

    def _prepare(self, state: State, candidate: Candidate, *, rewrite: bool) -> Planned | Failed:
        file, kind = candidate.file, self.files[candidate.file.name]
        calendar = state[("calendar",)]
        target = Target(
            feed="feed",
            table="d.t",
            schema=(),
            write="upsert" if kind.upserts else "append",
            key=("k",),
            partition_by=None,
            newest_by=None,
            run_column="run_id",
        )
        plan = LoadPlan(
            target=target,
            content_marker=candidate.claim.name,
            parts=tuple(Part(str(number), 1, 1) for number in range(kind.parts)),
            inputs_digest=str(calendar),
            spliced=kind.spliced and not rewrite,
            quarantine_object=None if calendar else "skipped",
        )
        return Planned(found(file), plan)

    @staticmethod
    def _insert(state: State, key: Key, job: SimulatedJob) -> tuple[State, Literal["inserted", "exists"]]:
        if key in state:
            return state, "exists"
        return {**state, key: job}, "inserted"


def found(file: StagedFile) -> Found:
    return Found(Source(file.name, file.generation), "feed", validation=_VALIDATION, timings=_NO_TIMINGS)


def _without(state: State, key: Key) -> State:
    return {k: value for k, value in state.items() if k != key} if key in state else state
