"""A run's log in words: a line an entry, and where the run stands."""

from collections.abc import Iterator, Sequence

from cbi.runs.plan import LoadPlan
from cbi.runs.protocol.log import (
    Attempt,
    Done,
    Entry,
    Failed,
    GivenUp,
    LoadedPart,
    Log,
    Planned,
    Replay,
    Rewritten,
    Run,
    Stage,
    Survived,
    Undo,
    Undone,
    fold,
)

_STAGES: dict[Stage, str] = {
    "undecided": "it is not decided yet what is loaded",
    "loading": "it is being loaded, or is loaded: its report says which",
    "given_up": "it is given up; `python -m cbi replay` loads what is missing",
    "failed": "nothing of it is ever loaded",
    "done": "all of it is loaded",
    "undoing": "its rows are being deleted",
    "undone": "its rows are deleted; the same bytes may be dropped again",
}


def log_in_words(log: Log) -> Iterator[str]:
    """Say which run it is, then each entry with its number, then what they come to."""
    run = fold(log)
    file = log.file
    yield f"run {file.run_id} of {file.uri}, generation {file.generation}"
    for number, entry in enumerate(log.entries, 1):
        yield f"{number:>3}. {_in_words(entry)}"
    yield f"now: {_STAGES[run.stage]}{_job_ids(run)}"


def _in_words(entry: Entry) -> str:
    match entry:
        case Attempt():
            return f"tried to open the file again at {entry.at:%Y-%m-%d %H:%M:%S} UTC"
        case Survived():
            return f"the try of {entry.at:%Y-%m-%d %H:%M:%S} UTC failed, but not for the file"
        case Planned():
            return f"decided to load {_parts(entry.plan)}"
        case Failed():
            return f"failed, {entry.failure.reason}: {entry.failure.message}"
        case Rewritten():
            decided = f"refused as it was spliced; decided to load {_parts(entry.plan)}"
            return f"{decided}{_there(entry.loaded)}"
        case GivenUp():
            return f"given up: {entry.failure.message}{_there(entry.loaded)}"
        case Replay():
            return f"asked to load what is missing (epoch {entry.epoch})"
        case Done():
            return f"all is loaded{_there(entry.loaded)}"
        case Undo():
            return "asked to take its rows back"
        case Undone():
            return f"{entry.rows_deleted:,} rows deleted at {entry.at:%Y-%m-%d %H:%M:%S} UTC"


def _parts(plan: LoadPlan) -> str:
    rows = sum(part.rows for part in plan.parts)
    parts = f"{len(plan.parts)} part{'' if len(plan.parts) == 1 else 's'}"
    strategy = "spliced" if plan.spliced else "rewritten"
    left_out = f", others are left out in {plan.quarantine_object}" if plan.quarantine_object else ""
    return f"{rows:,} rows into {plan.target.table} in {parts}, {strategy}{left_out}"


def _there(loaded: Sequence[LoadedPart]) -> str:
    if not loaded:
        return ""
    return "; in the table: " + ", ".join(f"part {part.number} by {part.job.id}" for part in loaded)


def _job_ids(run: Run) -> str:
    if run.stage != "loading":
        return ""
    return f" (jobs `cbi_{run.plan.target.feed if run.plan else ''}_{run.file.run_id}_…`, epoch {run.epoch})"
