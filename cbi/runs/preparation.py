"""From a staged file to a decision: what of it to load, written and ready, or why it cannot be loaded."""

from dataclasses import dataclass, replace

from google.cloud import bigquery

from cbi.contract.catalog import load_staged_feed
from cbi.contract.feed import Feed
from cbi.contract.target import Target
from cbi.deadline import Deadline
from cbi.errors import InvalidFile
from cbi.findings import Failure
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore, StagedObject
from cbi.lookups.regime_cache import RegimeCache
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.runs.in_worker import prepare_in_worker
from cbi.runs.plan import Found, LoadPlan
from cbi.runs.record import Failed, Planned, RunRecord
from cbi.runs.report import Source
from cbi.runs.staging import feed_name
from cbi.runs.worker_job import PrepareFile, summarise
from cbi.runs.worker_server import WorkerServer
from cbi.settings import EnrichStrategy, Settings
from cbi.telemetry.timings import Timings
from cbi.workers.pool import Workers


@dataclass(frozen=True)
class Context:
    """What preparing any file takes."""

    settings: Settings
    store: ObjectStore
    outputs: Outputs
    bigquery: bigquery.Client
    regimes: RegimeCache
    workers: Workers


@dataclass(frozen=True)
class Inputs:
    """What a decision depends on."""

    feed: Feed
    calendar: RegimeCalendar
    staged: StagedObject


class Preparation:
    """A file on its way to a decision, step by step.

    Every step raises InvalidFile for a fault of the file, Transient and Misconfigured. `found` grows with
    each, so that also of a file that fails all that was seen is reported.
    """

    def __init__(self, context: Context, file: StagedFile) -> None:
        self.timings = Timings()
        self.found = Found(Source(file.uri, file.generation), feed_name(file), timings=self.timings)
        self._context = context
        self._file = file

    def failed(self, error: InvalidFile) -> RunRecord:
        return RunRecord(self._file, Failed(self.found, Failure(error.reason, str(error))))

    def planned(self, plan: LoadPlan) -> RunRecord:
        return RunRecord(self._file, Planned(self.found, plan))

    def look_up(self) -> Inputs:
        """Find the contract, the calendar, and the object in its bucket."""
        feed = load_staged_feed(self.found.feed)
        self.found = replace(self.found, table=feed.table)
        with self.timings.step("calendar"):
            calendar = self._context.regimes.calendar()
        self.found = replace(self.found, calendar=summarise(calendar))
        with self.timings.step("stat"):
            staged = self._context.store.stat(self._file)
        self.found = replace(self.found, source=replace(self.found.source, size=staged.size))
        return Inputs(feed, calendar, staged)

    def plan(
        self,
        inputs: Inputs,
        strategy: EnrichStrategy | None,
        content_marker: str | None,
        deadline: Deadline,
    ) -> LoadPlan:
        """Let a worker look at the values and write the parts.

        `strategy` is how to enrich, whatever the feed and the settings say; `content_marker` is the object
        that marks the bytes as this run's.
        """
        job = PrepareFile(
            feed=inputs.feed,
            calendar=inputs.calendar,
            strategy=strategy or inputs.feed.enrich_strategy or self._context.settings.enrich_strategy,
            settings=self._context.settings,
            found=replace(self.found, timings={}),
            file=self._file,
            size=inputs.staged.size,
            finalized_at=inputs.staged.finalized_at,
        )
        context = self._context
        server = WorkerServer(
            store=context.store,
            outputs=context.outputs,
            bigquery=context.bigquery,
            regimes=context.regimes,
            file=self._file,
            target=Target.of(inputs.feed),
            calendar=inputs.calendar,
            timings=self.timings,
        )
        prepared = prepare_in_worker(context.workers, job, server, deadline)
        self.found = replace(prepared.found, timings=self.timings)
        if prepared.failure is not None:
            raise InvalidFile(prepared.failure.reason, prepared.failure.message)
        assert prepared.plan is not None
        return replace(prepared.plan, content_marker=content_marker)
