"""Putting through again what a run left behind: quarantined rows, or parts that BigQuery had refused."""

import hashlib

from cbi.contract import DEFAULT_FEED
from cbi.contract.catalog import feed_names, load_feed
from cbi.deadline import Deadline
from cbi.errors import Misconfigured, Reason
from cbi.gcs.identity import STAGED_PREFIX, StagedFile, split_uri
from cbi.gcs.outputs import QUARANTINE
from cbi.ops.find_run import find_log
from cbi.runs.feed_name import feed_name
from cbi.runs.origin import origin_of
from cbi.runs.outcome import make_report
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.protocol import steps
from cbi.runs.protocol.log import Replay, Run, fold
from cbi.runs.protocol.requests import Pending
from cbi.runs.report import Report


def replay(pipeline: IngestionPipeline, source: str, deadline: Deadline | None = None) -> Report:
    """Run a quarantine file, given by its gs:// URI or by the id of the run that left it.

    It is a run like any other, of the object as it lies there: its rows load once however often they are
    replayed, and what still has no regime is in that run's own quarantine, which the next replay goes on
    with. For a run whose load BigQuery refused, the parts that are missing are loaded instead. Raises
    Transient, and Misconfigured where there is nothing to replay.
    """
    if source.startswith("gs://"):
        return _replay_quarantine(pipeline, _quarantine_file(pipeline, source), deadline)
    return _replay_run(pipeline, source, deadline)


def _replay_run(pipeline: IngestionPipeline, run_id: str, deadline: Deadline | None) -> Report:
    file = find_log(pipeline, run_id).file
    published = pipeline.ingest(file, deadline=deadline)
    before = fold(pipeline.runs.log(file))
    _refuse_if_undone(before)
    if before.stage == "given_up" or (before.stage == "loading" and not before.first):
        return _load_refused(pipeline, file, published, deadline)
    uri = pipeline.runs.quarantine_uri(before)
    if before.stage == "failed" or (uri is None and before.stage != "done"):
        raise Misconfigured(f"run {run_id} left nothing behind: {published.message}")
    if uri is None:
        return report_as_it_is(before, published)
    return _replay_quarantine(pipeline, _quarantine_file(pipeline, uri), deadline)


def _load_refused(
    pipeline: IngestionPipeline, file: StagedFile, published: Report, deadline: Deadline | None
) -> Report:
    """Load what was given up of a run; its own report stays as it is.

    Raises Misconfigured where the feed takes no key twice: others may have loaded some since.
    """
    feed, run_id = published.feed, published.run_id
    if feed in feed_names() and load_feed(feed).check_existing_keys == "fail":
        raise Misconfigured(
            f"run {run_id} cannot be replayed: its keys would not be looked for in the table again, as"
            f" {feed} wants it; `python -m cbi undo {run_id}`, then drop {file.uri} again"
        )
    pipeline.take(file, steps.replay(file), deadline)
    return report_as_it_is(fold(pipeline.runs.log(file)), published)


def report_as_it_is(run: Run, published: Report) -> Report:
    """What a run's report would say now."""
    return make_report(
        run,
        run.loaded,
        run.failure,
        published.quarantine_uri,
        published.duration_seconds,
        published.timings,
    )


def _quarantine_file(pipeline: IngestionPipeline, uri: str) -> StagedFile:
    bucket, name = split_uri(uri)
    if bucket != pipeline.outputs.bucket or not name.startswith(QUARANTINE):
        wanted = pipeline.outputs.uri(f"{QUARANTINE}….parquet")
        raise Misconfigured(f"{uri} is not a quarantine file; it must be {wanted}, or the id of a run")
    file = pipeline.outputs.find(name)
    if file is None:
        raise Misconfigured(f"{uri} is not there: it was removed, or has expired; drop the file again")
    return file


def _replay_quarantine(pipeline: IngestionPipeline, file: StagedFile, deadline: Deadline | None) -> Report:
    origin = origin_of(pipeline.runs, file, pipeline.settings.require_staging_bucket())
    if origin is not None:
        _refuse_if_undone(origin)
    before = pipeline.runs.report(file)
    if before is None:
        copied = _replayed_by_0_1(pipeline, file, deadline)
        return copied or _deliver(pipeline, file, deadline)
    run = fold(pipeline.runs.log(file))
    if run.stage == "given_up":
        return _load_refused(pipeline, file, before, deadline)
    if run.stage in ("failed", "undone") and before.reason is not Reason.DUPLICATE_CONTENT:
        return _deliver(pipeline, pipeline.outputs.renew(file), deadline)
    if (uri := pipeline.runs.quarantine_uri(run)) is not None:
        return _replay_quarantine(pipeline, _quarantine_file(pipeline, uri), deadline)
    return before


def _replayed_by_0_1(
    pipeline: IngestionPipeline, file: StagedFile, deadline: Deadline | None
) -> Report | None:
    """What came of a quarantine file that version 0.1 has replayed: it made a copy of it, a run of its own.

    None where it has not, or that run has loaded nothing.
    """
    feed = feed_name(file)
    folder = "" if feed == DEFAULT_FEED else f"{feed}/"
    digest = hashlib.sha256(file.name.encode()).hexdigest()[:24]
    bucket = pipeline.settings.require_staging_bucket()
    copy = pipeline.store.find(bucket, f"{STAGED_PREFIX}{folder}replay-{digest}.parquet")
    if copy is None:
        return None
    report = pipeline.ingest(copy, deadline=deadline)
    if report.quarantine_uri is not None:
        return _replay_quarantine(pipeline, _quarantine_file(pipeline, report.quarantine_uri), deadline)
    return None if report.failed else report


def _deliver(pipeline: IngestionPipeline, file: StagedFile, deadline: Deadline | None) -> Report:
    """Ingest a quarantine file. As no event tells of it, a mark does, by which a sweep goes on with it."""
    wanted = Pending(file, Replay(0))
    pipeline.runs.mark(wanted)
    report = pipeline.ingest(file, deadline=deadline)
    pipeline.runs.clear(wanted)
    return report


def _refuse_if_undone(run: Run) -> None:
    if run.stage in ("undoing", "undone"):
        raise Misconfigured(f"run {run.file.run_id} was undone; drop {run.file.uri} again")
