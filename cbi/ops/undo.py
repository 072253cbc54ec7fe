"""Taking back exactly the rows that one run loaded."""

from dataclasses import dataclass
from datetime import datetime

from cbi.deadline import Deadline
from cbi.errors import Misconfigured
from cbi.ops.find_run import find_log
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.protocol import steps
from cbi.runs.protocol.log import Undone, fold


@dataclass(frozen=True)
class UndoReport:
    """What undoing a run removed; `rows_loaded` is how many the run had loaded."""

    run_id: str
    uri: str
    table: str
    rows_loaded: int
    rows_deleted: int
    finished_at: datetime


def undo(pipeline: IngestionPipeline, run_id: str, deadline: Deadline | None = None) -> UndoReport:
    """Delete the rows whose run column holds this run's id, and write that down in the run's log.

    A run without a report is brought to it first; what is under way of a replay can load nothing any more
    afterwards. A repeat tells the same. Afterwards the same bytes may be dropped again. Raises Transient, and
    Misconfigured for a run that does not exist, has loaded nothing, or whose feed keeps no run ids.
    """
    file = find_log(pipeline, run_id).file
    pipeline.take(file, steps.undo(file), deadline)
    log = pipeline.runs.log(file)
    run, undone = fold(log), log.entries[-1]
    if not isinstance(undone, Undone) or run.plan is None:
        said = run.failure.message if run.failure else f"it is {run.stage}"
        raise Misconfigured(f"run {run_id} has no rows to take back: {said}")
    published = pipeline.runs.report(file)
    loaded = sum(part.job.rows for part in run.loaded)
    return UndoReport(
        run_id=run_id,
        uri=file.uri,
        table=run.plan.target.table,
        rows_loaded=loaded or (published.rows_loaded if published else 0),
        rows_deleted=undone.rows_deleted,
        finished_at=undone.at,
    )
