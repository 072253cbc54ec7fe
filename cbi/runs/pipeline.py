"""The whole way of a file: staged, validated, enriched, loaded, reported. Nothing else knows all of it."""

import logging
import time
from pathlib import Path
from typing import Any

from cbi.clients import bigquery_client, storage_client
from cbi.contract import DEFAULT_FEED
from cbi.deadline import Deadline
from cbi.errors import InvalidFile, Reason
from cbi.findings import Failure
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.lookups.regime_cache import RegimeCache
from cbi.runs import worker_job
from cbi.runs.content import Claim, Marker, claim_content, take_over
from cbi.runs.fallback import decide_rewritten
from cbi.runs.fetched_feeds import fetch_feeds
from cbi.runs.loading import load_requests
from cbi.runs.outcome import LoadOutcome, compare_loads, make_report
from cbi.runs.preparation import Context, Inputs, Preparation
from cbi.runs.record import Failed, RunRecord
from cbi.runs.report import Report
from cbi.runs.staging import feed_name, stage_file, stage_table, staged_uri
from cbi.runs.stored import StoredRuns
from cbi.settings import EnrichStrategy, Settings
from cbi.telemetry.logs import log_context
from cbi.telemetry.timings import Timings
from cbi.telemetry.tracing import span
from cbi.warehouse.warehouse import Warehouse
from cbi.workers.pool import Workers

_log = logging.getLogger(__name__)


class IngestionPipeline:
    """Takes staged files into BigQuery, each once, and leaves a report of each.

    Every method may be repeated, also by several processes at once. All of them raise Transient when the
    cloud fails or time runs out, after which a repeat goes on from where this one stopped, and Misconfigured
    when an operator has to fix something first. The fault of a file is never raised: it is reported.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_environment()
        bucket = self.settings.require_output_bucket()
        # Before the clients, which start threads: workers are forked from a process that has none.
        workers = Workers(self.settings.worker_memory_bytes, (worker_job.__name__,))
        fetch_feeds(self.settings)
        self.bigquery = bigquery_client(self.settings)
        self.store = ObjectStore(storage_client(self.settings))
        self.outputs = Outputs(self.store, bucket)
        self.runs = StoredRuns(self.outputs)
        self.warehouse = Warehouse(self.bigquery, self.settings.bigquery_location)
        self.regimes = RegimeCache(
            self.bigquery,
            ttl_seconds=self.settings.regime_ttl_seconds,
            max_stale_seconds=self.settings.regime_max_stale_seconds,
        )
        self._context = Context(self.settings, self.store, self.outputs, self.bigquery, self.regimes, workers)

    def ingest(self, source: Any, *, feed: str = DEFAULT_FEED, deadline: Deadline | None = None) -> Report:
        """Take a file all the way and return its report, which is also in the output bucket.

        `source` is a StagedFile, a gs:// URI of one, a local parquet file's path, a pyarrow Table or a pandas
        DataFrame; the last three are put in the staging bucket first, for the named feed.
        """
        file = self.stage(source, feed)
        with log_context(run_id=file.run_id, feed=feed_name(file)), span("ingest"):
            return self._ingest(file, deadline)

    def _ingest(self, file: StagedFile, deadline: Deadline | None) -> Report:
        start = time.monotonic()
        record = self.runs.record(file.run_id)
        if record is None:
            record = self.validate_and_enrich(file, deadline=deadline)
        elif report := self.runs.report(file):
            _log.info("%s has its report already: %s", file.uri, report.status)
            return report
        timings = Timings(record.found.timings)
        with timings.step("load"):
            loaded = self.load(record, deadline)
            if loaded.refusal is not None and (again := self._rewrite(record, loaded, deadline)):
                record, loaded = again, self.load(again, deadline)
        report = self._publish(file, self._report(record, loaded, start, timings))
        self._tidy_up(record)
        return report

    def load_refused(self, record: RunRecord) -> Report:
        """Try the parts of a run again that BigQuery refused, and report that without publishing it.

        Raises InvalidFile where another run has loaded the same bytes since.
        """
        claim = Claim(_marker_name(record), record.file, replayed=True)
        return self._load_again(record, self._claim(claim, deadline=None).replays)

    def _load_again(self, record: RunRecord, refusals: int, deadline: Deadline | None = None) -> Report:
        start = time.monotonic()
        timings = Timings(record.found.timings)
        with timings.step("load"):
            loaded = self.load(record, deadline, ignored_failures=refusals)
        return self._report(record, loaded, start, timings)

    def stage(self, source: Any, feed: str = DEFAULT_FEED) -> StagedFile:
        """Make a staged file of whatever `ingest` takes."""
        if isinstance(source, StagedFile):
            return source
        bucket = self.settings.require_staging_bucket()
        if isinstance(source, str) and source.startswith("gs://"):
            return staged_uri(self.store, bucket, source)
        if isinstance(source, str | Path):
            return stage_file(self.store, bucket, Path(source), feed)
        return stage_table(self.store, bucket, source, feed)

    def validate_and_enrich(
        self, source: Any, *, feed: str = DEFAULT_FEED, deadline: Deadline | None = None
    ) -> RunRecord:
        """Decide what of a file to load and write it, nested and with regimes, beside the decision.

        Where another delivery of the same event has decided before, its decision is returned instead.
        """
        return self.runs.write_record(self._prepare(self.stage(source, feed), deadline))

    def load(
        self, record: RunRecord, deadline: Deadline | None = None, *, ignored_failures: int = 0
    ) -> LoadOutcome:
        """Load each part of a decided run by a load job of its own and wait for all of them.

        `ignored_failures` is how many times BigQuery may have refused each before.
        """
        if isinstance(record.decision, Failed):
            return LoadOutcome(failure=record.decision.failure)
        plan = record.decision.plan
        # The rows left out must be kept before any others are loaded.
        left_out = plan.quarantine_object
        if left_out is not None and not self.outputs.keep_quarantine(left_out, record.file):
            message = f"{left_out} has expired since this run was begun; drop the file again"
            return LoadOutcome(failure=Failure(Reason.LOAD_FAILED, message))
        finished = self.warehouse.load(
            load_requests(record, self.outputs),
            deadline or Deadline.never(),
            ignored_failures=plan.refusals + ignored_failures,
        )
        return compare_loads(record, finished)

    def published(self, file: StagedFile) -> dict[str, Any] | None:
        """The report of a file's run as it is in the output bucket, or None while there is none."""
        return self.outputs.read(Outputs.report(file), dict[str, Any])

    def _prepare(
        self, file: StagedFile, deadline: Deadline | None, strategy: EnrichStrategy | None = None
    ) -> RunRecord:
        """Validate and enrich a file as far as it can be; once only one run can have its bytes."""
        preparation = Preparation(self._context, file)
        try:
            inputs = preparation.look_up()
            claim = _content_claim(inputs)
            if claim is not None:
                with preparation.timings.step("content"):
                    self._claim(claim, deadline)
            plan = preparation.plan(
                inputs, strategy, claim.name if claim else None, deadline or Deadline.never()
            )
            return preparation.planned(plan)
        except InvalidFile as error:
            return preparation.failed(error)

    def _claim(self, claim: Claim, deadline: Deadline | None) -> Marker:
        """Mark a content as a run's own, finishing the run that has it, as often as another one has.

        Raises InvalidFile, naming the other run, where that has loaded the same bytes.
        """
        while True:
            claimed = claim_content(self.outputs, claim)
            if isinstance(claimed, Marker):
                return claimed
            report = self._finish(claimed.marker, deadline)
            if taken := take_over(self.outputs, claim, claimed, report):
                return taken

    def _finish(self, marker: Marker, deadline: Deadline | None) -> Report:
        """Bring another run to its report, or to where a replay of it that was begun would bring it."""
        file = marker.owner
        report = self.runs.report(file) or self.ingest(file, deadline=deadline)
        record = self.runs.record(file.run_id) if marker.refusals else None
        return report if record is None else self._load_again(record, marker.refusals, deadline)

    def _rewrite(self, record: RunRecord, loaded: LoadOutcome, deadline: Deadline | None) -> RunRecord | None:
        """Decide to load a refused spliced file rewritten; None where that cannot be."""
        if record.plan is None or not record.plan.spliced:
            return None
        again = self._prepare(record.file, deadline, "rewrite")
        decided = decide_rewritten(record.plan, loaded, again)
        return None if decided is None else self.runs.write_second_record(decided)

    def _report(
        self, record: RunRecord, loaded: LoadOutcome, start: float, timings: dict[str, float]
    ) -> Report:
        left_out = record.plan.quarantine_object if record.plan else None
        quarantine_uri = self.outputs.uri(Outputs.quarantine(record.file)) if left_out else None
        return make_report(record, loaded, quarantine_uri, time.monotonic() - start, timings)

    def _publish(self, file: StagedFile, report: Report) -> Report:
        """Write the report unless the run has one: then that one stands, and is returned."""
        report = self.runs.write_report(file, report)
        # The report's message may quote values of the file, which are no business of the logs.
        _log.log(
            logging.ERROR if report.failed else logging.INFO,
            "%s: %s%s",
            file.uri,
            report.status,
            f", {report.reason}" if report.reason else "",
            extra={"fields": {"event": "run_finished", "uri": file.uri, **report.log_fields()}},
        )
        return report

    def _tidy_up(self, record: RunRecord) -> None:
        """Remove what is of no use once there is a report."""
        self.warehouse.drop_staging_tables(load_requests(record, self.outputs))
        for name in record.plan.temporary_objects if record.plan else ():
            self.outputs.delete(name)


def _content_claim(inputs: Inputs) -> Claim | None:
    """The mark that a file's bytes are its own; None in a feed that may load bytes again."""
    if not inputs.feed.dedupe_content:
        return None
    staged = inputs.staged
    return Claim(Outputs.content(inputs.feed.name, staged.size, staged.crc32c), staged.file, staged.md5)


def _marker_name(record: RunRecord) -> str:
    """Where a replay is marked: beside the content, or by the run itself where its content is not marked."""
    marked = record.plan.content_marker if record.plan else None
    return marked or Outputs.run_marker(record.found.feed, record.file.run_id)
