"""Finding the files whose event was lost, and tidying up behind those that are done."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

import msgspec

from cbi.contract.catalog import load_feeds
from cbi.deadline import Deadline
from cbi.errors import CbiError
from cbi.events import is_staged
from cbi.gcs.identity import STAGED_PREFIX, StagedFile
from cbi.gcs.outputs import ENRICHED, REPORTS, Outputs
from cbi.gcs.store import ListedObject
from cbi.ops.announce import announce
from cbi.ops.ingestion_runs import load_runs
from cbi.runs.feed_name import feed_name
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.protocol.decisions import MOST_TRIES
from cbi.runs.protocol.log import fold, tries
from cbi.runs.protocol.step import Step
from cbi.runs.protocol.steps import advance, settle

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SweepReport:
    """What a sweep did: of the files `found` without a report, and the undoings and replays that had not come
    to their end, `run` have now, `failed` could not be brought to it, and `left` wait for the next sweep.
    `removed` counts enriched files of finished runs, and `recorded` reports that became rows of
    `ops.ingestion_runs`."""

    started_at: datetime
    found: int
    run: int
    failed: int
    left: int
    removed: int
    recorded: int
    oldest_age_seconds: float | None


def sweep(pipeline: IngestionPipeline, deadline: Deadline | None = None) -> SweepReport:
    """Run the staged files that should have a report and have none, oldest first, as time allows; then what
    is wanted of runs and was not carried out.

    A file that an event is at work on at the same time does no harm: both are the same run. Raises Transient
    when the buckets cannot be listed.
    """
    started_at = datetime.now(UTC)
    deadline = deadline or Deadline.never()
    staged = [
        listed
        for listed in pipeline.store.list(pipeline.settings.require_staging_bucket(), STAGED_PREFIX)
        if is_staged(listed.file.name)
    ]
    _log_overdue_feeds(staged, started_at)
    reports = [each for each in pipeline.outputs.list(REPORTS) if each.file.name.endswith(".json")]
    reported = {listed.file.name for listed in reports}
    due = started_at - timedelta(seconds=pipeline.settings.sweep_min_age_seconds)
    lost = [
        listed
        for listed in staged
        if listed.finalized_at <= due and Outputs.report(listed.file) not in reported
    ]
    wanted = list(pipeline.runs.pending())
    files = (_Task(listed.file, Step(advance, (listed.file, None))) for listed in _in_turn(pipeline, lost))
    wishes = (_Task(pending.file, Step(settle, (pending,))) for pending in wanted)
    run, failed = _carry_out(pipeline, chain(files, wishes), deadline)
    found = len(lost) + len(wanted)
    report = SweepReport(
        started_at=started_at,
        found=found,
        run=run,
        failed=failed,
        left=found - run - failed,
        removed=_remove_enriched(pipeline, reported, deadline),
        recorded=_record_runs(pipeline, reports, started_at, deadline),
        oldest_age_seconds=max(
            ((started_at - each.finalized_at).total_seconds() for each in lost), default=None
        ),
    )
    pipeline.outputs.create(Outputs.sweep(started_at), report)
    if pipeline.settings.report_page == "on" and not deadline.passed:
        _renew_overview(pipeline, started_at)
    _log.info(
        "sweep: %d found, %d run, %d failed, %d left",
        report.found,
        run,
        failed,
        report.left,
        extra={"fields": {"event": "sweep_finished", **msgspec.to_builtins(report)}},
    )
    return report


@dataclass(frozen=True)
class _Task:
    """What is to be done for a run, and whose it is."""

    file: StagedFile
    step: Step


def _in_turn(pipeline: IngestionPipeline, lost: Iterable[ListedObject]) -> Iterator[ListedObject]:
    """Files that have been tried less often come first, then those that came first.

    So one that takes its reader down each time is in nobody's way. A log is read when it is the file's turn.
    """
    tried: list[tuple[int, ListedObject]] = []
    for listed in sorted(lost, key=lambda listed: listed.finalized_at):
        if times := _times_tried(pipeline, listed):
            tried.append((times, listed))
        else:
            yield listed
    yield from (listed for _, listed in sorted(tried, key=lambda pair: pair[0]))


def _times_tried(pipeline: IngestionPipeline, listed: ListedObject) -> int:
    try:
        return len(tries(pipeline.runs.log(listed.file).entries))
    except CbiError:
        return MOST_TRIES


def _carry_out(pipeline: IngestionPipeline, tasks: Iterable[_Task], deadline: Deadline) -> tuple[int, int]:
    """Do what there is time for, and return how many came to an end, and how many could not be brought to
    one."""
    done = failed = 0
    for task in tasks:
        if deadline.passed:
            break
        try:
            for report in pipeline.take(task.file, task.step, deadline).values():
                announce(pipeline, report)
            done += 1
        except CbiError as error:
            _log.error("sweep: %s could not be run: %s", task.file.uri, error)
            failed += 1
        except (
            Exception
        ):  # here a run begins, and the mistake that one file brings out is not to stop the others
            _log.exception("sweep: %s could not be run, for a reason nobody thought of", task.file.uri)
            failed += 1
    return done, failed


def _record_runs(
    pipeline: IngestionPipeline, reports: list[ListedObject], now: datetime, deadline: Deadline
) -> int:
    try:
        return load_runs(pipeline, reports, now, deadline)
    except CbiError as error:  # the files matter more: their sweep is not to fail for this
        _log.error("sweep: reports were not recorded: %s", error)
        return 0


def _renew_overview(pipeline: IngestionPipeline, now: datetime) -> None:
    from cbi.ops.overview import renew_overview  # compiles templates, which is no part of a cold start

    try:
        renew_overview(pipeline, now)
    except CbiError as error:  # the next sweep does it
        _log.error("sweep: index.html was not renewed: %s", error)


def _log_overdue_feeds(staged: list[ListedObject], now: datetime) -> None:
    """Log which feeds have had no file for too long by their contract, and which contracts are broken."""
    newest: dict[str, datetime] = {}
    for listed in staged:
        name = feed_name(listed.file)
        newest[name] = max(listed.finalized_at, newest.get(name, listed.finalized_at))
    feeds, errors = load_feeds()
    for error in errors:  # its files fail by themselves; those of the other feeds are swept
        _log.error("sweep: a contract is broken: %s", error)
    for feed in feeds:
        if feed.expect_every_hours is None:
            continue
        age = (now - newest[feed.name]).total_seconds() if feed.name in newest else None
        if age is None or age > feed.expect_every_hours * 3600:
            fields = {"event": "feed_overdue", "feed": feed.name, "newest_age_seconds": age}
            _log.warning("feed %s has had no file for too long", feed.name, extra={"fields": fields})


def _remove_enriched(pipeline: IngestionPipeline, reported: set[str], deadline: Deadline) -> int:
    """Remove the enriched files of runs that had their report when the sweep began."""
    removed = 0
    finished: dict[str, bool] = {}
    for listed in pipeline.outputs.list(ENRICHED):
        if deadline.passed:
            break
        run_id = Outputs.run_of_enriched(listed.file.name)
        if run_id not in finished:
            finished[run_id] = _is_finished(pipeline, run_id, reported)
        if finished[run_id]:
            pipeline.outputs.delete(listed.file.name)
            removed += 1
    return removed


def _is_finished(pipeline: IngestionPipeline, run_id: str, reported: set[str]) -> bool:
    """Whether a run needs its enriched files no more.

    `replay` needs them where some were given up. They also stay where what the run has written cannot be
    read.
    """
    try:
        log = pipeline.runs.log_of(run_id)
    except CbiError as error:
        _log.error("sweep: the enriched files of run %s stay: %s", run_id, error)
        return False
    if log is None or Outputs.report(log.file) not in reported:
        return False
    run = fold(log)
    return run.stage in ("failed", "done", "undone") or (run.stage == "loading" and run.first)
