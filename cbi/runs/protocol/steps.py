"""The steps of a run. Every one may be taken by several processes at once, repeated, or left at any request.

advance ── decide ─ turn ─ prepare ─ load   a delivery, a sweep, a newcomer's help
   │          └ claim ─ claimed ┘
   │              └ help ─ advance ─ judge
   └ remove                                an undo
"""

from collections.abc import Generator
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from cbi.errors import CbiError, Fault, FaultKind, Misconfigured, Transient
from cbi.gcs.identity import StagedFile
from cbi.runs.protocol.chain import begin_part, finish_part, seal_part
from cbi.runs.protocol.decisions import (
    ENDS_ITS_READER,
    after_rewriting,
    all_loaded,
    claim_of,
    count_mismatch,
    differ,
    duplicate,
    fulfilled,
    given_up,
    holds,
    may_be_rewritten,
    next_try,
    not_tried,
    refusal,
)
from cbi.runs.protocol.log import (
    Attempt,
    Done,
    Entry,
    Failed,
    GivenUp,
    Log,
    Planned,
    Replay,
    Run,
    Survived,
    Undo,
    Undone,
    fold,
)
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
    Inserted,
    Job,
    JobEnd,
    JobKind,
    KeepQuarantine,
    Look,
    Looked,
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
from cbi.runs.protocol.step import Step, Steps


def advance(file: StagedFile, then: Step | None = None) -> Steps:
    """Bring a run to where its log wants it, whoever wrote that."""
    log: Log = yield ReadLog(file)
    run = fold(log)
    if run.stage == "undecided":
        return Step(decide, (log, then))
    if run.stage == "undoing":
        return Step(remove, (log, then))
    if run.first and (yield HasReport(file)):
        return then
    if run.stage == "loading":
        return Step(load, (log, then))
    if run.first and run.failure is not None:  # failed or given up
        yield Publish(run, run.loaded, run.failure)
        yield CleanUp(run)
    return then


# ---- deciding


def decide(log: Log, then: Step | None) -> Steps:
    """Look at the file and claim its bytes."""
    looked: Looked = yield Look(log.file)
    if isinstance(looked, Failed):
        yield Append(log, looked)
        return Step(advance, (log.file, then))
    if (yield TakeClaim(looked.claim, None, log.file, epoch=0)):
        return Step(take_turn, (looked, Step(prepare, (log, looked, then))))
    return Step(claim, (Wanted(log.file, looked.claim, 0, looked), then))


class Wanted(msgspec.Struct, frozen=True):
    """A content that a run wants for one of its epochs: a `candidate` is to be delivered, none replayed."""

    file: StagedFile
    claim: ContentClaim
    epoch: int
    candidate: Candidate | None = None

    def apart(self) -> Self:
        """The same by a claim that says which MD5 it is for."""
        claim = self.claim.apart()
        candidate = replace(self.candidate, claim=claim) if self.candidate else None
        return replace(self, claim=claim, candidate=candidate)


def claim(wanted: Wanted, then: Step | None) -> Steps:
    """Take the content for an epoch of a run: from an older epoch of it, or from a run that has lost it.

    The claim changes before the log does: a content is never open for two runs.
    """
    held: Held | None = yield ReadClaim(wanted.claim)
    if held is not None and held.owner == wanted.file and held.epoch >= wanted.epoch:
        return Step(claimed, (wanted, then, False))
    if held is not None and held.owner != wanted.file:
        if differ(held.md5, wanted.claim.md5):  # other bytes of the same size and CRC
            return Step(claim, (wanted.apart(), then))
        return Step(help_owner, (wanted, held, then))
    if (yield from _take(wanted, held)):
        return Step(claimed, (wanted, then, True))
    return Step(claim, (wanted, then))


def _take(wanted: Wanted, held: Held | None) -> Generator[Request, Any, bool]:
    """Write the claim over what was read of it; an MD5 that only the claim knows stays, as of version 0.1."""
    md5 = wanted.claim.md5 or (held.md5 if held else None)
    taken: bool = yield TakeClaim(replace(wanted.claim, md5=md5), held, wanted.file, wanted.epoch)
    return taken


def help_owner(wanted: Wanted, held: Held, then: Step | None) -> Steps:
    """Another run has the content: open the epoch it was claimed for, bring it to its end, and judge."""
    log: Log = yield ReadLog(held.owner)
    run = fold(log)
    judged = Step(judge, (wanted, held, then))
    if run.stage == "given_up" and run.epoch < held.epoch:
        pending = Pending(held.owner, Replay(held.epoch))
        yield MarkPending(pending)
        yield Append(log, Replay(held.epoch))
        judged = Step(settled, (pending, judged))
    return Step(advance, (held.owner, judged))


def judge(wanted: Wanted, held: Held, then: Step | None) -> Steps:
    """Take the content over from a run that has lost it, or be a duplicate of one that has loaded it."""
    owner, reported = yield from _owner_of(held)
    match holds(owner, held.epoch, reported=reported):
        case "open":
            return Step(help_owner, (wanted, held, then))
        case "loaded":
            failure = duplicate(owner)
            if wanted.candidate is None:
                raise Misconfigured(f"run {wanted.file.run_id} cannot be replayed: {failure.message}")
            log: Log = yield ReadLog(wanted.file)
            if fold(log).stage == "undecided":
                yield Append(log, wanted.candidate.failed(failure))
            return Step(advance, (wanted.file, then))
    if (yield from _take(wanted, held)):
        return Step(claimed, (wanted, then, True))
    return Step(claim, (wanted, then))


def _owner_of(held: Held) -> Generator[Request, Any, tuple[Run, bool]]:
    """The run that holds a claim, and whether it is loaded, which of the first epoch its report says."""
    owner = fold((yield ReadLog(held.owner)))
    return owner, owner.stage == "loading" and owner.first and (yield HasReport(held.owner))


def claimed(wanted: Wanted, then: Step | None, first: bool) -> Steps:
    """The content is this run's; `first` where it has not been so before, and nobody has opened the file."""
    file, candidate = wanted.file, wanted.candidate
    log: Log = yield ReadLog(file)
    run = fold(log)
    if candidate is not None and run.stage == "undecided":
        return Step(take_turn, (candidate, Step(prepare if first else try_again, (log, candidate, then))))
    if candidate is None and run.stage == "given_up" and run.epoch == wanted.epoch - 1:
        pending = Pending(file, Replay(wanted.epoch))
        yield MarkPending(pending)
        yield Append(log, Replay(wanted.epoch))
        then = Step(settled, (pending, then))
    return Step(advance, (file, then))


def take_turn(candidate: Candidate, then: Step) -> Steps:
    """Where the feed wants it, go on only as the one of its files that is at work: others are finished
    first."""
    if candidate.turn is None:
        return then
    held: Held | None = yield ReadClaim(candidate.turn)
    if held is not None and held.owner == candidate.file:
        return then
    if held is not None:
        owner, reported = yield from _owner_of(held)
        if owner.stage in ("undecided", "loading", "undoing") and not reported:
            return Step(advance, (held.owner, Step(take_turn, (candidate, then))))
    taken: bool = yield TakeClaim(candidate.turn, held, candidate.file, epoch=0)
    return then if taken else Step(take_turn, (candidate, then))


def try_again(log: Log, candidate: Candidate, then: Step | None) -> Steps:
    """Open a file that may have ended whoever opened it before: that it is tried is written down first."""
    time: Time = yield Clock()
    match next_try(log, time):
        case "wait":
            yield Pause()
            log = yield ReadLog(log.file)
            if fold(log).stage == "undecided":
                return Step(try_again, (log, candidate, then))
        case "fail":
            yield Append(log, candidate.failed(ENDS_ITS_READER))
        case "try":
            appended: Log | None = yield Append(log, Attempt(time.now))
            if appended is not None:
                return Step(prepare, (appended, candidate, then))
    return Step(advance, (log.file, then))


def prepare(log: Log, candidate: Candidate, then: Step | None) -> Steps:
    """Validate and enrich, and write down what there is to load. Opening some files ends the process."""
    try:
        entry: Planned | Failed = yield Prepare(candidate)
    except CbiError:
        yield from _survive(log)
        raise
    while (appended := (yield Append(log, entry))) is None:
        log = yield ReadLog(log.file)
        if fold(log).stage != "undecided":
            return Step(advance, (log.file, then))
    if isinstance(entry, Planned):
        return Step(load, (appended, then))
    return Step(advance, (log.file, then))


def _survive(log: Log) -> Generator[Request, Any, None]:
    """Take a try back that was written down: it has failed, and not for what the file is like."""
    last = log.entries[-1] if log.entries else None
    while isinstance(last, Attempt) and fold(log).stage == "undecided":
        if (yield Append(log, Survived(last.at))) is not None:
            return
        log = yield ReadLog(log.file)


# ---- loading


def load(log: Log, then: Step | None) -> Steps:
    """Load an epoch's parts; where not all can be, every part is sealed before anything else is decided."""
    run = fold(log)
    kept = not run.sealing and (yield KeepQuarantine(run))
    answers: list[Inserted | Fault] = []
    for part in run.to_load if kept else ():
        answers.append((yield from begin_part(run, part)))
    ends = []
    for number, part in enumerate(run.to_load):
        ends.append((yield from finish_part(run, part, answers[number]) if kept else seal_part(run, part)))
    loaded = all_loaded(run, ends)
    if len(loaded) == len(run.parts):
        if run.first:
            yield Publish(run, loaded, count_mismatch(run, loaded))
            yield CleanUp(run)
            return then
        yield Append(log, Done(loaded))
        yield CleanUp(run)
        return Step(advance, (run.file, then))
    failure = refusal(run, ends, loaded) if kept else not_tried(run)
    entry: Entry = GivenUp(failure, loaded)
    if kept and may_be_rewritten(run):
        looked: Looked = yield Look(run.file)
        again = looked if isinstance(looked, Failed) else (yield Prepare(looked, rewrite=True))
        entry = after_rewriting(run, loaded, failure, again)
    yield Append(log, entry)
    return Step(advance, (run.file, then))


# ---- operators


def undo(file: StagedFile) -> Step:
    """Delete a run's rows; a run without a report is brought to it first."""
    return Step(advance, (file, Step(undo_reported, (file,))))


def undo_reported(file: StagedFile) -> Steps:
    log: Log = yield ReadLog(file)
    run = fold(log)
    if run.stage in ("undecided", "failed"):
        return None
    if run.plan is not None and run.plan.target.run_column is None:
        feed = run.plan.target.feed
        raise Misconfigured(f"the feed {feed} keeps no run ids: to undo, it must enrich a column with run_id")
    if run.stage in ("undoing", "undone"):
        return Step(advance, (file, None))
    pending = Pending(file, Undo())
    yield MarkPending(pending)
    appended: Log | None = yield Append(log, Undo())
    if appended is None:
        return Step(undo_reported, (file,))
    return Step(advance, (file, Step(settled, (pending, None))))


def settle(pending: Pending) -> Steps:
    """Carry out what is marked as wanted of a run: whoever marked it may not have come to append it."""
    file, wanted = pending.file, pending.entry
    log: Log = yield ReadLog(file)
    run = fold(log)
    if isinstance(wanted, Undo) and run.stage not in ("undoing", "undone"):
        yield Append(log, wanted)
    if isinstance(wanted, Replay) and run.stage == "given_up" and run.epoch < wanted.epoch:
        assert run.plan is not None
        held: Held | None = yield ReadClaim(claim_of(run.plan))
        if held is None or held.owner != file or held.epoch < wanted.epoch:
            yield ClearPending(pending)  # the content has gone to another run since
            return None
        yield Append(log, wanted)
    return Step(advance, (file, Step(settled, (pending, None))))


def settled(pending: Pending, then: Step | None) -> Steps:
    """Take a mark away once what it wants is carried out."""
    if fulfilled(fold((yield ReadLog(pending.file))), pending.entry):
        yield ClearPending(pending)
    return then


def remove(log: Log, then: Step | None) -> Steps:
    """Seal the epoch if a replay has left it open, delete, and only then say how much."""
    run = fold(log)
    for part in run.to_load if run.open else ():
        yield from seal_part(run, part)
    rows = 0
    for part in range(len(run.parts)):
        rows += yield from _delete(Job(run, part, JobKind.DELETE))
    time: Time = yield Clock()
    yield Append(log, Undone(time.now, rows))
    yield CleanUp(run)
    return Step(advance, (run.file, then))


def replay(file: StagedFile) -> Step:
    """Load what was given up of a run."""
    return Step(advance, (file, Step(replay_reported, (file,))))


def replay_reported(file: StagedFile) -> Steps:
    run = fold((yield ReadLog(file)))
    if run.stage == "given_up" and run.plan is not None:
        return Step(claim, (Wanted(file, claim_of(run.plan), run.epoch + 1), None))
    return Step(advance, (file, None))


def give_up(file: StagedFile) -> Steps:
    """End a run that cannot be loaded for a cause outside of it, as loaded as it is."""
    log: Log = yield ReadLog(file)
    run = fold(log)
    if run.stage == "loading":
        ends = []
        for part in run.to_load:
            ends.append((yield from seal_part(run, part)))
        loaded = all_loaded(run, ends)
        if len(loaded) < len(run.parts):
            yield Append(log, GivenUp(given_up(run, len(loaded)), loaded))
    return Step(advance, (file, None))


def _delete(job: Job) -> Generator[Request, Any, int]:
    """Delete a part's rows, by the first of its job ids that ends well, and say how many there were.

    A deletion may be repeated, so nothing is sealed, and whoever comes next goes on with the next id.
    """
    run_id, attempt = job.run.file.run_id, 0
    while True:
        answer: Inserted | Fault = yield Insert(job, attempt)
        if isinstance(answer, Fault):
            raise Misconfigured(f"the rows of run {run_id} could not be deleted: {answer.message}")
        end: JobEnd = yield Wait(job, attempt)
        if end.error is None:
            return end.rows
        if answer == "inserted":
            said = f"the rows of run {run_id} could not be deleted yet: {end.error.message}"
            raise Transient(said) if end.error.kind == FaultKind.RETRYABLE else Misconfigured(said)
        attempt += 1
