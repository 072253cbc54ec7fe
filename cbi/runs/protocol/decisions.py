"""What follows from what is known of a run: pure functions, no requests."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from cbi.contract.parts import Part
from cbi.errors import Reason
from cbi.findings import Failure
from cbi.runs.plan import LoadPlan
from cbi.runs.protocol.chain import PartEnd
from cbi.runs.protocol.log import (
    Entry,
    Failed,
    GivenUp,
    LoadedPart,
    Log,
    Planned,
    Replay,
    Rewritten,
    Run,
    Undo,
    tries,
)
from cbi.runs.protocol.requests import ContentClaim, Time

MOST_TRIES = 3
"""How many repeated deliveries may have ended while they opened a file, before it counts as unreadable."""


ENDS_ITS_READER = Failure(
    Reason.UNREADABLE_FILE,
    f"{MOST_TRIES} deliveries ended while they opened the file: it takes more memory or time than there is,"
    " or harms what reads it; write it again, in smaller files, and drop them",
)


def next_try(log: Log, time: Time) -> Literal["wait", "try", "fail"]:
    """What a repeated delivery does before it opens the file, which may have ended the ones before it.

    A try that may still be alive is no evidence, and is waited for: deliveries overlap.
    """
    before = tries(log.entries)
    if before and time.now - before[-1] < timedelta(seconds=time.delivery_seconds):
        return "wait"
    return "fail" if len(before) >= MOST_TRIES else "try"


def holds(run: Run, epoch: int, *, reported: bool) -> Literal["free", "open", "loaded"]:
    """What the run that has claimed a content for an epoch makes of it.

    `free` to be taken over; `loaded`, wholly or in part; or still `open`, so that the run is to be brought to
    its end first.
    """
    match run.stage:
        case "undone" | "failed":
            return "free"
        case "given_up" if run.epoch < epoch:
            return "open"
        case "given_up":
            return "loaded" if run.loaded else "free"
        case "done":
            return "loaded"
        case "loading" if run.first and reported:
            return "loaded"
    return "open"


def claim_of(plan: LoadPlan) -> ContentClaim:
    """The claim of the bytes that a plan is of."""
    return ContentClaim(plan.claim, plan.md5)


def differ(md5: str | None, other: str | None) -> bool:
    """Whether two contents of one size and CRC are known to differ; a composed object has no MD5."""
    return md5 is not None and other is not None and md5 != other


def duplicate(owner: Run) -> Failure:
    """What is said of a file whose bytes another run has loaded."""
    file = owner.file
    run = f"run {file.run_id} ({file.uri}, generation {file.generation})"
    if owner.stage == "given_up":
        return Failure(
            Reason.PARTLY_LOADED,
            f"the same bytes were loaded in part by {run}; finish that with `python -m cbi replay"
            f" {file.run_id}` or take it back with `python -m cbi undo {file.run_id}`",
        )
    return Failure(
        Reason.DUPLICATE_CONTENT,
        f"the same bytes were loaded by {run}; nothing of this file is loaded again. If it should be, undo"
        f" that run first: `python -m cbi undo {file.run_id}`",
    )


def fulfilled(run: Run, wanted: Undo | Replay) -> bool:
    """Whether what was wanted of a run that has been advanced has been carried out.

    Of a quarantine file's run no more is wanted than that: no event tells of it.
    """
    if run.stage == "undone" or (isinstance(wanted, Replay) and wanted.epoch == 0):
        return True
    return isinstance(wanted, Replay) and run.epoch >= wanted.epoch and run.stage in ("done", "given_up")


def all_loaded(run: Run, ends: Sequence[PartEnd]) -> tuple[LoadedPart, ...]:
    """The parts in the table once the epoch's chains have ended, in their order."""
    there = {part.number: part for part in run.loaded}
    there |= {
        number: LoadedPart(number, end.loaded)
        for number, end in zip(run.to_load, ends, strict=True)
        if end.loaded is not None
    }
    return tuple(there[number] for number in sorted(there))


def count_mismatch(run: Run, loaded: Sequence[LoadedPart]) -> Failure | None:
    """A failure where BigQuery says it loaded another number of rows than a part has."""
    for part in loaded:
        wanted = run.parts[part.number].rows
        if part.job.rows != wanted:
            return Failure(
                Reason.ROW_COUNT_MISMATCH,
                f"job {part.job.id} loaded {part.job.rows:,} rows where {wanted:,} were to be loaded; look at"
                f" the table's rows with run_id = '{run.file.run_id}'",
            )
    return None


def refusal(run: Run, ends: Sequence[PartEnd], loaded: Sequence[LoadedPart]) -> Failure:
    """Why a run whose parts were refused is given up."""
    there = f"{len(loaded)} of {len(run.parts)} parts are loaded" if loaded else "nothing was loaded"
    said = " ".join(dict.fromkeys(end.error.message for end in ends if end.error is not None))
    return Failure(Reason.LOAD_FAILED, f"BigQuery refused the load and {there}. {said}")


def not_tried(run: Run) -> Failure:
    """Why nothing was tried: what was said of the run before, or its quarantine has expired."""
    if run.sealing and run.failure is not None:
        return run.failure
    name = run.plan.quarantine_object if run.plan else None
    return Failure(Reason.LOAD_FAILED, f"{name} has expired since this run was begun; drop the file again")


def given_up(run: Run, loaded: int) -> Failure:
    """What is said of a run that an operator has ended."""
    return Failure(
        Reason.LOAD_FAILED,
        f"{loaded} of {len(run.parts)} parts are loaded; the run was given up by an operator. Load the rest"
        f" with `python -m cbi replay {run.file.run_id}`",
    )


def may_be_rewritten(run: Run) -> bool:
    """Whether a refusal may be for how the file was spliced, and nothing has been said of the run yet."""
    return run.plan is not None and run.plan.spliced and run.first


def after_rewriting(
    run: Run, loaded: tuple[LoadedPart, ...], failure: Failure, rewritten: Planned | Failed
) -> Entry:
    """What follows a sealed epoch of a spliced file that could, or could not, be rewritten.

    Where parts are loaded already, the others must be the same rows, by the same calendar and contract. Which
    keys the table had is known from before any was loaded.
    """
    if isinstance(rewritten, Failed):
        return GivenUp(failure if loaded else rewritten.failure, loaded)
    assert run.plan is not None
    if loaded and not _same_rows(run.plan, rewritten.plan):
        return GivenUp(failure, loaded)
    warning = f"the spliced file was not accepted, so it was rewritten ({failure.message})"
    before = run.found or rewritten.found
    found = replace(
        rewritten.found,
        existing_keys=before.existing_keys,
        warnings=tuple(dict.fromkeys((*before.warnings, *rewritten.found.warnings, warning))),
    )
    plan = replace(rewritten.plan, claim=run.plan.claim, md5=run.plan.md5)  # the run has no other
    return Rewritten(run.epoch + 1, found, plan, loaded)


def _same_rows(plan: LoadPlan, other: LoadPlan) -> bool:
    def rows(part: Part) -> Part:
        return replace(part, name="")

    same_inputs = plan.inputs_digest == other.inputs_digest
    same_table = (plan.project, plan.location) == (other.project, other.location)
    return same_inputs and same_table and [*map(rows, plan.parts)] == [*map(rows, other.parts)]
