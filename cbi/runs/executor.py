"""Carrying out with the real clients what the steps of runs ask for."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from cbi.deadline import Deadline
from cbi.errors import CbiError, Transient
from cbi.gcs.identity import StagedFile
from cbi.runs.outcome import make_report
from cbi.runs.part_jobs import PartJobs
from cbi.runs.preparation import Context, look, prepare
from cbi.runs.protocol.log import Failed, Planned, Run
from cbi.runs.protocol.requests import (
    Append,
    Candidate,
    CleanUp,
    ClearPending,
    Clock,
    HasReport,
    Insert,
    InsertFence,
    KeepQuarantine,
    Look,
    MarkPending,
    Pause,
    Prepare,
    Publish,
    ReadClaim,
    ReadLog,
    Request,
    TakeClaim,
    Time,
    Wait,
)
from cbi.runs.protocol.step import Program, Step
from cbi.runs.report import Report
from cbi.telemetry.timings import Timings
from cbi.telemetry.tracing import span

# Seconds: between two looks at what another delivery decides, and until that is left to a later delivery.
_PAUSE, _LONGEST_PAUSE = 0.5, 30.0

_log = logging.getLogger(__name__)


class Executor:
    """Takes the steps of one delivery or command. `reports` are those it has met, by their files.

    Raises Transient and Misconfigured, after which whoever comes next goes on with what was begun.
    """

    def __init__(self, context: Context, deadline: Deadline) -> None:
        self.reports: dict[StagedFile, Report] = {}
        self._context = context
        self._runs, self._outputs = context.runs, context.outputs
        self._jobs = PartJobs(context.bigquery, context.settings.bigquery_location, context.outputs)
        self._deadline = deadline
        self._timings: dict[StagedFile, Timings] = defaultdict(Timings)
        self._paused = 0.0
        self._started = self._loading_since = time.monotonic()

    def take(self, step: Step | None, until: Program | None = None) -> None:
        """Take a step and all that follow from it, to the end or until one of a program."""
        while step is not None and step.program is not until:
            with span(step.program.__name__):
                step = self._take(step)

    def _take(self, step: Step) -> Step | None:
        steps = step.begin()
        try:
            request = next(steps)
            while True:
                try:
                    answer = self._answer(request)
                except CbiError as error:
                    request = steps.throw(error)
                else:
                    request = steps.send(answer)
        except StopIteration as end:
            following: Step | None = end.value
            return following

    def _answer(self, request: Request) -> object:
        match request:
            case ReadLog(file):
                return self._runs.log(file)
            case Append(log, entry):
                return self._runs.append(log, entry)
            case HasReport(file):
                return self._has_report(file)
            case Publish():
                self._publish(request)
            case MarkPending(pending):
                self._runs.mark(pending)
            case ClearPending(pending):
                self._runs.clear(pending)
            case Look(file):
                return look(self._context, file, self._timings[file])
            case Prepare(candidate, rewrite):
                return self._prepare(candidate, rewrite=rewrite)
            case Clock():
                return Time(datetime.now(UTC), self._context.settings.function_timeout_seconds)
            case Pause():
                self._pause()
            case ReadClaim(claim):
                return self._runs.held(claim)
            case TakeClaim(owner=owner):
                with self._timings[owner].step("content"):
                    return self._runs.take_claim(request)
            case Insert(job, attempt):
                return self._jobs.insert(job, attempt)
            case InsertFence(job, attempt, error):
                return self._jobs.insert_fence(job, attempt, error)
            case Wait(job, attempt):
                return self._jobs.wait(job, attempt, self._deadline)
            case KeepQuarantine(run):
                self._loading_since = time.monotonic()
                return self._runs.keep_quarantine(run)
            case CleanUp(run):
                self._clean_up(run)
        return None

    def _prepare(self, candidate: Candidate, *, rewrite: bool) -> Planned | Failed:
        timings = self._timings[candidate.file]
        return prepare(self._context, candidate, timings, self._deadline, rewrite=rewrite)

    def _pause(self) -> None:
        """Another delivery may have died instead, so this one comes again after a while."""
        if self._paused >= _LONGEST_PAUSE or self._deadline.passed:
            raise Transient("another delivery of the same file may be at work; this one comes again")
        pause = min(_PAUSE, self._deadline.seconds_left)
        self._paused += pause
        time.sleep(pause)

    def _has_report(self, file: StagedFile) -> bool:
        report = self._runs.report(file)
        if report is None:
            return False
        _log.info("%s has its report already: %s", file.uri, report.status)
        self.reports[file] = report
        return True

    def _publish(self, request: Publish) -> None:
        """Write the report unless the run has one: then that one stands."""
        run, now = request.run, time.monotonic()
        timings = self._timings[run.file]
        if run.plan is not None:
            timings.add("load", now - self._loading_since)
        report = make_report(
            run,
            request.loaded,
            request.failure,
            self._runs.quarantine_uri(run),
            now - self._started,
            {**(run.found.timings if run.found else {}), **timings},
        )
        self.reports[run.file] = report = self._runs.write_report(run.file, report)
        # The report's message may quote values of the file, which are no business of the logs.
        _log.log(
            logging.ERROR if report.failed else logging.INFO,
            "%s: %s%s",
            run.file.uri,
            report.status,
            f", {report.reason}" if report.reason else "",
            extra={"fields": {"event": "run_finished", "uri": run.file.uri, **report.log_fields()}},
        )

    def _clean_up(self, run: Run) -> None:
        self._jobs.drop_staging_tables(run)
        for name in self._of_no_use(run):
            self._outputs.delete(name)

    def _of_no_use(self, run: Run) -> Iterable[str]:
        """The objects of a run that nobody needs now. What was given up may still be loaded by a replay."""
        if run.plan is None:
            return ()
        if run.stage == "given_up":
            return run.plan.temporary_objects
        if run.plan_epoch:  # what an earlier plan of the run has left is not in this one
            return list(self._outputs.enriched_of(run.file.run_id))
        written = (*run.plan.temporary_objects, *(part.name for part in run.parts))
        left_out = run.plan.quarantine_object
        return written if left_out is None else (*written, left_out)
