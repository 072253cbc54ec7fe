"""Putting through again what a run left behind: quarantined rows, or parts that BigQuery had refused."""

from cbi.contract import DEFAULT_FEED
from cbi.errors import InvalidFile, Misconfigured, Reason
from cbi.gcs.identity import StagedFile, replay_name
from cbi.gcs.outputs import QUARANTINE, Outputs
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.record import RunRecord
from cbi.runs.report import Report
from cbi.runs.staging import feed_name


def replay(pipeline: IngestionPipeline, source: str) -> Report:
    """Run a quarantine file again, given by its gs:// URI or by the id of the run that left it.

    The file is copied to the staging bucket under a name of its own, so it becomes a run like any other: its
    rows load once however often they are replayed, and what still has no regime is in that run's own
    quarantine, which the next replay goes on with. For a run whose load BigQuery refused, the parts that are
    missing are loaded instead. Raises Misconfigured where there is nothing to replay.
    """
    if source.startswith("gs://"):
        return _replay_quarantine(pipeline, _quarantine_name(pipeline, source))
    return _replay_run(pipeline, source)


def _replay_run(pipeline: IngestionPipeline, run_id: str) -> Report:
    record = pipeline.runs.record(run_id)
    if record is None:
        raise Misconfigured(f"there is no run {run_id}; its report and the table's rows have the id")
    if pipeline.outputs.exists(Outputs.undo(run_id)):
        raise Misconfigured(f"run {run_id} was undone; drop {record.file.uri} again")
    published = pipeline.runs.report(record.file)
    if published is not None and published.reason is Reason.LOAD_FAILED:
        return _load_refused(pipeline, record)
    if record.plan is None or record.plan.quarantine_object is None:
        message = published.message if published else "it has no report"
        raise Misconfigured(f"run {run_id} left nothing behind: {message}")
    pipeline.ingest(record.file)
    return _replay_quarantine(pipeline, Outputs.quarantine(record.file))


def _quarantine_name(pipeline: IngestionPipeline, uri: str) -> str:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if bucket != pipeline.outputs.bucket or not name.startswith(QUARANTINE):
        wanted = pipeline.outputs.uri(f"{QUARANTINE}….parquet")
        raise Misconfigured(f"{uri} is not a quarantine file; it must be {wanted}, or the id of a run")
    return name


def _replay_quarantine(pipeline: IngestionPipeline, name: str) -> Report:
    store, bucket = pipeline.store, pipeline.settings.require_staging_bucket()
    staged, _, _generation = name.removeprefix(QUARANTINE).rpartition("/")
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
    store.copy(pipeline.outputs.bucket, name, bucket, staged_name, generation)
    return pipeline.ingest(store.newest(bucket, staged_name))


def _load_refused(pipeline: IngestionPipeline, record: RunRecord) -> Report:
    """Load the parts of a run that BigQuery refused; the run's own report stays as it is."""
    try:
        report = pipeline.load_refused(record)
    except InvalidFile as error:
        raise Misconfigured(f"run {record.file.run_id} cannot be replayed: {error}") from error
    if not report.failed:
        pipeline.outputs.create(Outputs.finish(report.run_id), report.as_written())
    return report
