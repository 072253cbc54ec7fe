"""What a person may want to do about a report, as sentences with the commands to type."""

from collections.abc import Mapping

from cbi.errors import Reason
from cbi.runs.report import Report

PROGRAM = "python -m cbi"

# README's table of reasons says the same at more length. {program} and {run_id} are filled in.
_BY_REASON: Mapping[Reason, str] = {
    Reason.VALIDATION_FAILED: "fix what the message names, then drop the file again",
    Reason.NO_REGIME_COVERAGE: "extend regimes.yaml, `{program} regimes --apply`, then drop the file again",
    Reason.UNREADABLE_FILE: "write the file again, then drop it again",
    Reason.EMPTY_FILE: "write the file with rows, then drop it again",
    Reason.UNKNOWN_FEED: "drop the file under staged/, or the staged/FEED/ of a feed there is",
    Reason.TOO_LARGE: "split the file, or raise the MAX_… setting that the message names",
    Reason.EXISTING_KEYS: "leave those rows out, or undo the run that loaded them, then drop the file again",
    Reason.DUPLICATE_CONTENT: "nothing: these bytes are loaded; to load them again, undo that run first",
    Reason.PARTLY_LOADED: "`{program} replay` the run that the message names",
    Reason.SUPERSEDED: "nothing: the newer generation has a report of its own",
    Reason.LOAD_FAILED: "fix what BigQuery names, then `{program} replay {run_id}`",
    Reason.ROW_COUNT_MISMATCH: "look at the table's rows with run_id = '{run_id}'",
}


def next_steps(report: Report, program: str = PROGRAM, *, undone: bool = False) -> tuple[str, ...]:
    """What to do about a run, the most urgent first; `program` is how the command line is called."""
    if undone:
        return ("the same bytes may be dropped again",)
    steps = []
    if report.reason is not None:
        steps.append(_BY_REASON[report.reason])
    if report.quarantine_uri is not None:
        steps.append("once what kept rows out is corrected, `{program} replay {run_id}` loads them")
    if report.rows_loaded:
        steps.append("`{program} undo {run_id}` takes its rows out again")
    return tuple(step.format(program=program, run_id=report.run_id) for step in steps)
