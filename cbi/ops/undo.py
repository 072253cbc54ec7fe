"""Taking back exactly the rows that one run loaded."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from cbi.deadline import Deadline
from cbi.errors import Misconfigured
from cbi.gcs.identity import undo_name
from cbi.gcs.store import JSON
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.report import indented


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

    A repeat gives the first report. Afterwards the same bytes may be dropped again. Raises Misconfigured for
    a run that does not exist, has no report yet, or belongs to a feed that does not keep run ids.
    """
    if done := pipeline.store.read_json(pipeline.output_bucket, undo_name(run_id)):
        return msgspec.convert(done, UndoReport)
    record = pipeline.recorded(run_id)
    if record is None or record.target is None:
        raise Misconfigured(f"there is no run {run_id}; its report and the table's rows have the id")
    published = pipeline.published(record.file)
    if published is None:
        raise Misconfigured(f"run {run_id} has no report yet; ingest {record.file.uri} first")
    if record.target.run_column is None:
        feed = record.target.feed
        raise Misconfigured(f"the feed {feed} keeps no run ids: to undo, it must enrich a column with run_id")
    deleted = [
        pipeline.warehouse.delete(request, deadline or Deadline.never())
        for request in pipeline.requests(record)
    ]
    for each in deleted:
        if each.error is not None:
            raise Misconfigured(f"BigQuery refused to delete the rows of run {run_id}: {each.error}")
    report = UndoReport(
        run_id=run_id,
        uri=record.file.uri,
        table=record.target.table,
        rows_loaded=published["rows_loaded"],
        rows_deleted=sum(each.rows for each in deleted),
        finished_at=datetime.now(UTC),
    )
    content = indented(report).encode()
    pipeline.store.create(pipeline.output_bucket, undo_name(run_id), content, JSON)
    return report
