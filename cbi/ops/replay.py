"""Putting through again what a run left behind: quarantined rows, or parts that BigQuery had refused."""

from cbi.contract.feed import DEFAULT_FEED
from cbi.errors import InvalidFile, Misconfigured, Reason
from cbi.gcs.identity import StagedFile, finish_name, replay_name, undo_name
from cbi.gcs.store import JSON
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.record import RunRecord
from cbi.runs.report import Report
from cbi.runs.staging import feed_name

_QUARANTINE = "quarantine/"


def replay(pipeline: IngestionPipeline, what: str) -> Report:
    """Run a quarantine file again, given by its gs:// URI or by the id of the run that left it.

    The file is copied to the staging bucket under a name of its own, so it becomes a run like any other: its
    rows load once however often they are replayed, and what still has no regime is in that run's own
    quarantine, which the next replay goes on with. For a run whose load BigQuery refused, the parts that are
    missing are loaded instead. Raises Misconfigured where there is nothing to replay.
    """
    if what.startswith("gs://"):
        return _replay_quarantine(pipeline, _quarantine_name(pipeline, what))
    record = pipeline.recorded(what)
    if record is None:
        raise Misconfigured(f"there is no run {what}; its report and the table's rows have the id")
    if pipeline.store.read_json(pipeline.output_bucket, undo_name(what)) is not None:
        raise Misconfigured(f"run {what} was undone; drop {record.file.uri} again")
    published = pipeline.published(record.file) or {}
    if published.get("reason") == Reason.LOAD_FAILED:
        return _load_refused(pipeline, record)
    if record.skipped is None:
        raise Misconfigured(f"run {what} left nothing behind: {published.get('message', 'it has no report')}")
    pipeline.ingest(record.file)
    return _replay_quarantine(pipeline, record.file.quarantine_name)


def _quarantine_name(pipeline: IngestionPipeline, uri: str) -> str:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if bucket != pipeline.output_bucket or not name.startswith(_QUARANTINE):
        wanted = f"gs://{pipeline.output_bucket}/{_QUARANTINE}….parquet"
        raise Misconfigured(f"{uri} is not a quarantine file; it must be {wanted}, or the id of a run")
    return name


def _replay_quarantine(pipeline: IngestionPipeline, name: str) -> Report:
    store, bucket = pipeline.store, pipeline.settings.require_staging_bucket()
    staged, _, _generation = name.removeprefix(_QUARANTINE).rpartition("/")
    feed = feed_name(StagedFile(bucket, staged, 0))
    staged_name = replay_name("" if feed == DEFAULT_FEED else f"{feed}/", name)
    before = store.find(bucket, staged_name)
    if before is not None:
        report = pipeline.ingest(before)
        if report.quarantine_uri is not None:
            return _replay_quarantine(pipeline, _quarantine_name(pipeline, report.quarantine_uri))
        if not report.failed:
            return report
    generation = before.generation if before is not None else 0
    store.copy(pipeline.output_bucket, name, bucket, staged_name, generation)
    return pipeline.ingest(store.newest(bucket, staged_name))


def _load_refused(pipeline: IngestionPipeline, record: RunRecord) -> Report:
    """Load the parts of a run that BigQuery refused; the run's own report stays as it is."""
    try:
        report = pipeline.load_refused(record)
    except InvalidFile as error:
        raise Misconfigured(f"run {record.file.run_id} cannot be replayed: {error}") from error
    if not report.failed:
        content = report.to_json().encode()
        pipeline.store.create(pipeline.output_bucket, finish_name(report.run_id), content, JSON)
    return report
