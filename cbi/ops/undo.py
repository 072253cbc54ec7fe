"""Taking back exactly the rows that one run loaded."""

from dataclasses import dataclass
from datetime import UTC, datetime

from cbi.deadline import Deadline
from cbi.errors import Misconfigured
from cbi.runs.loading import load_requests
from cbi.runs.pipeline import IngestionPipeline


@dataclass(frozen=True)
class UndoReport:
    """What undoing a run removed; `rows_loaded` is what the run's own report says it had loaded."""

    run_id: str
    uri: str
    table: str
    rows_loaded: int
    rows_deleted: int
    finished_at: datetime


def undo(pipeline: IngestionPipeline, run_id: str, deadline: Deadline | None = None) -> UndoReport:
    """Delete the rows whose run column holds this run's id, and leave a report of it.

    A repeat returns the first report. Afterwards the same bytes may be dropped again. Raises Misconfigured
    for a run that does not exist, has no report yet, or belongs to a feed that does not keep run ids.
    """
    outputs = pipeline.outputs
    if done := outputs.read(outputs.undo(run_id), UndoReport):
        return done
    record = pipeline.runs.record(run_id)
    if record is None or record.found.table is None:
        raise Misconfigured(f"there is no run {run_id}; its report and the table's rows have the id")
    published = pipeline.runs.report(record.file)
    if published is None:
        raise Misconfigured(f"run {run_id} has no report yet; ingest {record.file.uri} first")
    if record.plan is not None and record.plan.target.run_column is None:
        feed = record.found.feed
        raise Misconfigured(f"the feed {feed} keeps no run ids: to undo, it must enrich a column with run_id")
    deleted = [
        pipeline.warehouse.delete(request, deadline or Deadline.never())
        for request in load_requests(record, outputs)
    ]
    for part in deleted:
        if part.error is not None:
            raise Misconfigured(f"BigQuery refused to delete the rows of run {run_id}: {part.error}")
    report = UndoReport(
        run_id=run_id,
        uri=record.file.uri,
        table=record.found.table,
        rows_loaded=published.rows_loaded,
        rows_deleted=sum(part.rows for part in deleted),
        finished_at=datetime.now(UTC),
    )
    outputs.create(outputs.undo(run_id), report)
    return report
