"""From a staged file to a decision: what of it to load, written and ready, or why it cannot be loaded."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from google.cloud import bigquery

from cbi.contract.catalog import load_staged_feed
from cbi.contract.feed import Feed
from cbi.contract.target import Target
from cbi.deadline import Deadline
from cbi.errors import InvalidFile
from cbi.findings import Failure
from cbi.gcs.identity import StagedFile, StagedObject
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.lookups.regime_cache import RegimeCache
from cbi.runs.feed_name import feed_name
from cbi.runs.in_worker import prepare_in_worker
from cbi.runs.origin import origin_of
from cbi.runs.plan import Found
from cbi.runs.protocol.log import Failed, Planned
from cbi.runs.protocol.requests import Candidate, ContentClaim
from cbi.runs.report import Source
from cbi.runs.stored import StoredRuns
from cbi.runs.worker_job import PrepareFile, summarise
from cbi.runs.worker_server import WorkerServer
from cbi.settings import Settings
from cbi.telemetry.timings import Timings
from cbi.workers.pool import Workers


@dataclass(frozen=True)
class Context:
    """What preparing any file takes."""

    settings: Settings
    store: ObjectStore
    outputs: Outputs
    runs: StoredRuns
    bigquery: bigquery.Client
    regimes: RegimeCache
    workers: Workers


def look(context: Context, file: StagedFile, timings: Timings) -> Candidate | Failed:
    """Find the contract, the calendar, and the object in its bucket. Raises Transient and Misconfigured."""
    found = Found(Source(file.uri, file.generation), feed_name(file), timings=timings)
    try:
        feed = load_staged_feed(found.feed)
        found = replace(found, table=feed.table)
        with timings.step("calendar"):
            found = replace(found, calendar=summarise(context.regimes.calendar()))
        with timings.step("stat"):
            staged = _of_its_age(context, context.store.stat(file))
    except InvalidFile as error:
        return Failed(found, Failure(error.reason, str(error)))
    found = replace(found, source=replace(found.source, size=staged.size))
    return Candidate(staged, found, _claim(feed, staged), _turn(feed))


def _of_its_age(context: Context, staged: StagedObject) -> StagedObject:
    """The object with the time its rows came: those of a quarantine file came with the file they were in."""
    if staged.file.bucket != context.outputs.bucket:
        return staged
    origin = origin_of(context.runs, staged.file, context.settings.require_staging_bucket())
    if origin is None or origin.plan is None:
        return staged
    # Version 0.1 did not write it down, but a generation is the microsecond in which it was made.
    came = origin.plan.finalized_at or datetime.fromtimestamp(origin.file.generation / 1e6, UTC)
    return replace(staged, finalized_at=min(came, staged.finalized_at))


def prepare(
    context: Context, candidate: Candidate, timings: Timings, deadline: Deadline, *, rewrite: bool
) -> Planned | Failed:
    """Let a worker validate a file and write its parts; `rewrite` where it was refused as it was spliced.

    Raises Transient and Misconfigured.
    """
    staged, feed = candidate.staged, load_staged_feed(candidate.found.feed)
    calendar = context.regimes.calendar()
    wanted = feed.enrich_strategy or context.settings.enrich_strategy
    job = PrepareFile(
        feed=feed,
        calendar=calendar,
        strategy="rewrite" if rewrite else wanted,
        # A refused file's keys were looked for before any part of it was loaded.
        looks_for_keys=feed.write == "append" and feed.check_existing_keys != "off" and not rewrite,
        settings=context.settings,
        found=replace(candidate.found, timings={}),
        file=staged.file,
        size=staged.size,
        finalized_at=staged.finalized_at,
        claim=candidate.claim.name,
    )
    server = WorkerServer(
        store=context.store,
        outputs=context.outputs,
        bigquery=context.bigquery,
        regimes=context.regimes,
        file=staged.file,
        target=Target.of(feed),
        calendar=calendar,
        timings=timings,
    )
    try:
        prepared = prepare_in_worker(context.workers, job, server, deadline)
    except InvalidFile as error:  # it was overwritten meanwhile
        return Failed(candidate.found, Failure(error.reason, str(error)))
    found = replace(prepared.found, timings=timings)
    if prepared.failure is not None:
        return Failed(found, prepared.failure)
    assert prepared.plan is not None
    project, location = context.bigquery.project, context.settings.bigquery_location
    return Planned(found, replace(prepared.plan, md5=candidate.claim.md5, project=project, location=location))


def _claim(feed: Feed, staged: StagedObject) -> ContentClaim:
    """What claims a file's bytes: their content where they are to be loaded once, else just the run.

    Of a feed that upserts the same bytes may well be loaded again, after others of the same keys.
    """
    if feed.dedupe_content and feed.write == "append":
        return ContentClaim(Outputs.content(feed.name, staged.size, staged.crc32c), staged.md5)
    return ContentClaim(Outputs.run_claim(feed.name, staged.file.run_id), None)


def _turn(feed: Feed) -> ContentClaim | None:
    """Files that fail for keys of others go one after the other, else two at once would see none."""
    one_by_one = feed.write == "append" and feed.check_existing_keys == "fail"
    return ContentClaim(Outputs.turn(feed.name), None) if one_by_one else None
