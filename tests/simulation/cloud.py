"""Storage and BigQuery, simulated: a state that never changes, and what each request makes of it.

The state is a mapping of keys to values, all hashable, so that states can be recognised again:

    ("staged", name)        generation of the live object
    ("log", run)            entries
    ("report", run)         Verdict
    ("claim", name)         Held
    ("pending", run, wish)  Pending
    ("quarantine", run, plan_epoch)   the rows kept
    ("job", …id)            SimulatedJob
    ("row", run, row)       the inputs by which the row was loaded, one for each time it is in the table
    ("key", row)            of a feed that upserts: whose row the key has, and by which inputs
    ("staging", …id)        the rows of a part's own table, to be merged
    ("enriched", run, inputs)   the parts and the rows left out, until they have their place
    ("ignored refusals", run)  of a run that version 0.1 had begun to load rewritten
    ("given up as unreadable", run)   when, by the clock of whoever said so
    ("calendar",) ("code",) ("hours",) ("claims expired",)   counted

A run is called by its file's name and generation, `A#1`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from cbi.contract.parts import Part
from cbi.contract.target import Target
from cbi.errors import Fault, FaultKind, Reason, Transient
from cbi.findings import Failure, RequiredFields, ValidationReport
from cbi.gcs.identity import StagedFile, StagedObject
from cbi.runs.plan import Found, LoadPlan
from cbi.runs.protocol.log import Entry, Failed, Log, Planned, Run, fold
from cbi.runs.protocol.requests import (
    Append,
    Candidate,
    CleanUp,
    ClearPending,
    Clock,
    ContentClaim,
    HasReport,
    Held,
    Insert,
    InsertFence,
    Job,
    JobEnd,
    JobKind,
    KeepQuarantine,
    Look,
    MarkPending,
    Pause,
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


FAILED = Transient("a request failed")
"""Thrown into whoever asked for what failed."""

RETRYABLE = Fault(FaultKind.RETRYABLE, "backendError", "try again")
REFUSED = Fault(FaultKind.REFUSED, "invalid", "no good")
OPERATOR = Fault(FaultKind.OPERATOR, "accessDenied", "may not")
INTERNAL = Fault(FaultKind.RETRYABLE, "internalError", "an internal error")
EXPIRED = Fault(FaultKind.REFUSED, "notFound", "not there")
ERRORS = (RETRYABLE, REFUSED, OPERATOR, INTERNAL)


class _NoCounts(dict[str, int]):
    """An empty dict that can be part of a state."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0


_VALIDATION = ValidationReport(
    required_fields=RequiredFields(True, null_counts=_NoCounts()), quarantine_reasons=_NoCounts()
)
_NO_TIMINGS: Any = _NoCounts()


@dataclass(frozen=True)
class File:
    """What a staged file is like: its bytes, and how its feed takes them.

    `age` is when it was finalised. A `poisoned` one ends each load of a spliced part with an internal error.
    `md5` tells apart contents of the same size and CRC. Files `in_turn` have the same keys, and
    their feed takes none twice.
    """

    content: str
    parts: int = 1
    spliced: bool = False
    upserts: bool = False
    dedupes: bool = True
    kills: bool = False
    poisoned: bool = False
    feed: str = "f"
    age: int = 0
    md5: str | None = None
    in_turn: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a report says."""

    success: bool
    loaded: tuple[int, ...]
    plan_epoch: int
    inputs: str | None


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
    return (f"r{part}", "q") if last and has_regimes(run.plan.inputs_digest) else (f"r{part}",)


def has_regimes(inputs: str) -> bool:
    """Whether the calendar among the inputs has a regime for each row."""
    return not inputs.startswith("0")


class Cloud:
    """The rules. `files` says what each staged object is like."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self.files = files

    def file(self, run: str) -> File:
        """What the file of a run, called by its label, is like."""
        return self.files[run.partition("#")[0]]

    def ends(self, state: State, key: Key, error: Fault | None) -> State:
        """A pending job ends: atomically, with all of its work done or nothing."""
        job = state[key].job
        changed = dict(state)
        run, plan, rows = label(job.run.file), job.run.plan, 0
        error = error or self._must_fail(state, job)
        if error is not None:
            changed[key] = SimulatedJob(job, JobEnd(error=error))
            return changed
        match job.kind:
            case JobKind.LOAD:
                for row in rows_of_part(job.run, job.part):
                    changed["row", run, row] = (*changed.get(("row", run, row), ()), plan.inputs_digest)
            case JobKind.STAGE:
                changed[staging_key(job)] = True
            case JobKind.MERGE:
                for row in rows_of_part(job.run, job.part):
                    there = changed.get(("key", row))
                    if there is None or self.file(there[0]).age <= self.file(run).age:
                        changed["key", row] = (run, plan.inputs_digest)
            case JobKind.DELETE:
                for row in rows_of_part(job.run, job.part):
                    rows += len(changed.pop(("row", run, row), ()))
                    if changed.get(("key", row), ("",))[0] == run:
                        del changed["key", row]
                        rows += 1
        done = None if job.kind == JobKind.DELETE else LoadJob("job", plan.parts[job.part].rows, 1)
        changed[key] = SimulatedJob(job, JobEnd(done=done, rows=rows))
        return changed

    def _must_fail(self, state: State, job: Job) -> Fault | None:
        """What is wrong with a job whose time has come, if it is more than an accident."""
        run, plan = label(job.run.file), job.run.plan
        assert plan is not None
        if job.kind == JobKind.MERGE:
            return None if staging_key(job) in state else EXPIRED
        if job.kind == JobKind.DELETE:
            return None
        if ("enriched", run, plan.inputs_digest) not in state:
            return EXPIRED
        return INTERNAL if plan.spliced and self.file(run).poisoned else None

    def happens(self, state: State, event: Key) -> State:
        """Something happens by itself: one more is counted, or objects expire."""
        match event:
            case ("expires", "claim"):
                gone = {key for key in state if key[0] == "claim" and self._may_expire(state, key)}
                left = {key: value for key, value in state.items() if key not in gone}
                return {**left, ("claims expired",): state[("claims expired",)] + len(gone)}
            case ("expires", kind):
                return {key: value for key, value in state.items() if key[0] != kind}
        return {**state, event: state[event] + 1}

    def _may_expire(self, state: State, claim: Key) -> bool:
        """Claims are kept longer than anything takes: only one with nothing left to do is so old."""
        held = state[claim]
        run = fold(self.log(state, held.owner))
        closed = run.stage not in ("undecided", "undoing") and (run.stage != "loading" or run.first)
        return closed and held.epoch <= run.epoch and ("report", label(held.owner)) in state

    def execute(self, state: State, request: Request, ahead: int = 0) -> tuple[State, Any]:
        """The state after a request, and its answer to somebody whose clock is `ahead` hours ahead."""
        match request:
            case ReadLog(file):
                return state, self.log(state, file)
            case Append(log, entry):
                entries = state.get(("log", label(log.file)), ())
                if len(entries) != len(log.entries):
                    return state, None
                if isinstance(entry, Failed):  # what it says was found is no part of a state
                    entry = Failed(found(log.file), entry.failure)
                    if entry.failure.reason == Reason.UNREADABLE_FILE:
                        state = {
                            **state,
                            ("given up as unreadable", label(log.file)): self._time(state, ahead),
                        }
                entries = (*entries, entry)
                longer = replace(log, entries=entries, generation=len(entries))
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
                if not rewrite and (failure := self._existing_keys(state, candidate.file)):
                    return state, candidate.failed(failure)
                planned = self._prepare(state, candidate, rewrite=rewrite)
                enriched = ("enriched", label(candidate.file), planned.plan.inputs_digest)
                return {**state, enriched: True}, planned
            case Clock():
                return state, Time(self._time(state, ahead), DELIVERY_SECONDS)
            case Pause():
                return state, FAILED
            case ReadClaim(claim):
                return state, state.get(("claim", claim.name))
            case TakeClaim(claim, over, owner, epoch):
                if state.get(("claim", claim.name)) != over:
                    return state, False
                return {**state, ("claim", claim.name): Held(owner, epoch, claim.md5, 1)}, True
            case Insert(job, attempt):
                return self._insert(state, job_key(job, attempt), SimulatedJob(job))
            case InsertFence(job, attempt, error):
                fence = SimulatedJob(None, JobEnd(fence=True, error=error))
                return self._insert(state, job_key(job, attempt), fence)
            case Wait(job, attempt):
                return state, state[job_key(job, attempt)].end
            case KeepQuarantine(run):
                return self._keep_quarantine(state, run)
            case CleanUp(run):
                return self._clean_up(state, run), None

    @staticmethod
    def is_free(state: State, insert: Insert) -> bool:
        """Whether the id that a job is to be inserted under has not been used."""
        return job_key(insert.job, insert.attempt) not in state

    def kills(self, request: Request) -> bool:
        """Whether a request ends the process that makes it."""
        return isinstance(request, Prepare) and self.files[request.candidate.file.name].kills

    def content(self, run: str) -> str:
        """What of a run's bytes may be in the table once; files are dropped again with the same bytes."""
        return f"{self._claim_name(run)} {self.file(run).md5 or ''}".strip()

    def _claim_name(self, run: str) -> str:
        kind = self.file(run)
        return f"{kind.feed}/{kind.content}" if kind.dedupes else run

    def log(self, state: State, file: StagedFile) -> Log:
        entries: tuple[Entry, ...] = state.get(("log", label(file)), ())
        return Log(file, entries, len(entries), state.get(("ignored refusals", label(file)), 0))

    @staticmethod
    def _time(state: State, ahead: int) -> datetime:
        return BEGINNING + timedelta(hours=state[("hours",)] + ahead)

    @staticmethod
    def _keep_quarantine(state: State, run: Run) -> tuple[State, bool]:
        assert run.plan is not None
        kept = ("quarantine", label(run.file), run.plan_epoch)
        if kept in state or run.plan.quarantine_object is None:
            return {**state, kept: state.get(kept, ())}, True
        if ("enriched", label(run.file), run.plan.inputs_digest) not in state:
            return state, False
        return {**state, kept: ("q",)}, True

    @staticmethod
    def _clean_up(state: State, run: Run) -> State:
        """A replay may still want what was given up; the staging tables of older epochs are of no use."""
        name = label(run.file)

        def of_no_use(key: Key) -> bool:
            if key[0] == "staging":
                return bool(key[1] == name and key[3] <= run.epoch)
            return key[:2] == ("enriched", name) and run.stage != "given_up"

        return {key: value for key, value in state.items() if not of_no_use(key)}

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
                plan.inputs_digest if plan else None,
            ),
        }

    def _look(self, state: State, file: StagedFile) -> Candidate | Failed:
        if state.get(("staged", file.name)) != file.generation:
            return Failed(found(file), Failure(Reason.SUPERSEDED, "superseded"))
        kind = self.files[file.name]
        claim = ContentClaim(self._claim_name(label(file)), kind.md5)
        turn = ContentClaim(f"{kind.feed}/turn", None) if kind.in_turn else None
        return Candidate(StagedObject(file, 1, BEGINNING, "", kind.md5), found(file), claim, turn)

    def _existing_keys(self, state: State, file: StagedFile) -> Failure | None:
        """What fails a file whose feed takes no key twice, where another's rows are there."""
        others = any(key[0] == "row" and key[1] != label(file) for key in state)
        if not self.file(label(file)).in_turn or not others:
            return None
        return Failure(Reason.EXISTING_KEYS, "there already")

    def _prepare(self, state: State, candidate: Candidate, *, rewrite: bool) -> Planned:
        file, kind = candidate.file, self.files[candidate.file.name]
        inputs = f"{state[('calendar',)]}.{state[('code',)]}"
        target = Target(
            feed=kind.feed,
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
            claim=candidate.claim.name,
            md5=candidate.claim.md5,
            parts=tuple(Part(str(number), 1, 1) for number in range(kind.parts)),
            inputs_digest=inputs,
            spliced=kind.spliced and not rewrite,
            quarantine_object=None if has_regimes(inputs) else "skipped",
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
