"""The whole way of a file: staged, validated, enriched, loaded, reported. Nothing else knows all of it."""

import logging
import time
from pathlib import Path
from typing import Any

import msgspec

from cbi.clients import bigquery_client, storage_client
from cbi.contract.feed import DEFAULT_FEED
from cbi.deadline import Deadline
from cbi.errors import InvalidFile, Reason
from cbi.findings import Failure
from cbi.gcs.identity import StagedFile, record_name, run_marker_name, second_record_name
from cbi.gcs.store import JSON, ObjectStore
from cbi.lookups.regime_cache import RegimeCache
from cbi.runs.content import claim_replay
from cbi.runs.fallback import rewrite_refused
from cbi.runs.outcome import LoadOutcome, compare_loads, make_report
from cbi.runs.preparation import Preparation, prepare
from cbi.runs.record import RunRecord, read_record
from cbi.runs.report import Report
from cbi.runs.staging import feed_name, stage_file, stage_table, staged_uri
from cbi.settings import Settings
from cbi.telemetry.logs import log_context
from cbi.telemetry.timings import Timings
from cbi.telemetry.tracing import span
from cbi.warehouse.part_load import LoadRequest
from cbi.warehouse.warehouse import Warehouse

_log = logging.getLogger(__name__)


class IngestionPipeline:
    """Takes staged files into BigQuery, each once, and leaves a report of each.

    Every method may be repeated, also by several processes at once. All of them raise Transient when the
    cloud fails or time runs out, after which a repeat goes on from where this one stopped, and Misconfigured
    when an operator has to mend something first. The fault of a file is never raised: it is reported.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_environment()
        self.output_bucket = self.settings.require_output_bucket()
        self.bigquery = bigquery_client(self.settings)
        self.store = ObjectStore(storage_client(self.settings))
        self.warehouse = Warehouse(self.bigquery, self.settings.bigquery_location)
        self.regimes = RegimeCache(
            self.bigquery,
            ttl_seconds=self.settings.regime_ttl_seconds,
            max_stale_seconds=self.settings.regime_max_stale_seconds,
        )

    def ingest(self, what: Any, *, feed: str = DEFAULT_FEED, deadline: Deadline | None = None) -> Report:
        """Take a file all the way and give its report, which is also in the output bucket.

        `what` is a StagedFile, a gs:// URI of one, a local parquet file's path, a pyarrow Table or a pandas
        DataFrame; the last three are put in the staging bucket first, for the named feed.
        """
        file = self.stage(what, feed)
        with log_context(run_id=file.run_id, feed=feed_name(file)), span("ingest"):
            return self._ingest(file, deadline)

    def _ingest(self, file: StagedFile, deadline: Deadline | None) -> Report:
        start = time.monotonic()
        record = self.recorded(file.run_id)
        if record is None:
            record = self.validate_and_enrich(file, deadline=deadline)
        elif report := self._published(file):
            _log.info("%s has its report already: %s", file.uri, report.status)
            return report
        timings = Timings(record.timings)
        with timings.step("load"):
            loaded = self.load(record, deadline)
            if loaded.refused and record.spliced:
                record = self._rewrite(record, loaded, deadline)
                loaded = self.load(record, deadline)
        report = make_report(record, loaded, self._quarantine_uri(record), time.monotonic() - start, timings)
        report = self._publish(file, report)
        self.warehouse.drop_staging_tables(self.requests(record))
        for name in record.temporary_objects:
            self.store.delete(self.output_bucket, name)
        return report

    def load_refused(self, record: RunRecord) -> Report:
        """Try the parts of a run again that BigQuery refused, and report that without publishing it.

        Raises InvalidFile where another run has loaded the same bytes since.
        """
        name = record.content_marker or run_marker_name(record.feed, record.file.run_id)
        refusals = claim_replay(self.store, self.output_bucket, name, record.file, self._finish)
        return self._load_again(record, refusals)

    def _load_again(self, record: RunRecord, refusals: int, deadline: Deadline | None = None) -> Report:
        start = time.monotonic()
        timings = Timings(record.timings)
        with timings.step("load"):
            loaded = self.load(record, deadline, ignored_failures=refusals)
        seconds = time.monotonic() - start
        return make_report(record, loaded, self._quarantine_uri(record), seconds, timings)

    def stage(self, what: Any, feed: str = DEFAULT_FEED) -> StagedFile:
        """Make a staged file of whatever `ingest` takes."""
        if isinstance(what, StagedFile):
            return what
        if isinstance(what, str) and what.startswith("gs://"):
            return staged_uri(self.store, what)
        bucket = self.settings.require_staging_bucket()
        if isinstance(what, str | Path):
            return stage_file(self.store, bucket, Path(what), feed)
        return stage_table(self.store, bucket, what, feed)

    def validate_and_enrich(
        self, what: Any, *, feed: str = DEFAULT_FEED, deadline: Deadline | None = None
    ) -> RunRecord:
        """Decide what of a file to load and write it, nested and with regimes, beside the decision.

        Where another delivery of the same event has decided before, its decision is given instead.
        """
        file = self.stage(what, feed)
        record = prepare(self._preparation(deadline), file)
        return self._record(record, record_name(file.run_id))

    def load(
        self, record: RunRecord, deadline: Deadline | None = None, *, ignored_failures: int = 0
    ) -> LoadOutcome:
        """Load each part of a decided run by a load job of its own and wait for all of them.

        `ignored_failures` is how many times BigQuery may have refused each before.
        """
        if record.failure is not None:
            return LoadOutcome(failure=record.failure)
        if record.skipped is not None and not self._quarantine(record.skipped, record.file):
            message = f"{record.skipped} has expired since this run was begun; drop the file again"
            return LoadOutcome(failure=Failure(Reason.LOAD_FAILED, message))
        refusals = record.refusals + ignored_failures
        finished = self.warehouse.load(
            self.requests(record), deadline or Deadline.never(), ignored_failures=refusals
        )
        return compare_loads(record, finished)

    def published(self, file: StagedFile) -> dict[str, Any] | None:
        """The report of a file's run as it is in the output bucket, or None while there is none."""
        return self.store.read_json(self.output_bucket, file.report_name)

    def requests(self, record: RunRecord) -> list[LoadRequest]:
        """What there is to load of a decided run, part by part."""
        if record.target is None:
            return []
        return [
            LoadRequest(
                target=record.target,
                run_id=record.file.run_id,
                number=number,
                uri=f"gs://{self.output_bucket}/{part.name}",
                part=part,
            )
            for number, part in enumerate(record.parts)
        ]

    def _rewrite(self, record: RunRecord, loaded: LoadOutcome, deadline: Deadline | None) -> RunRecord:
        """Decide to load a refused spliced file rewritten, where that can be."""
        again = rewrite_refused(self._preparation(deadline), record, loaded)
        return record if again is None else self._record(again, second_record_name(record.file.run_id))

    def _preparation(self, deadline: Deadline | None) -> Preparation:
        return Preparation(
            self.settings,
            self.store,
            self.bigquery,
            self.regimes,
            finish=lambda other, refusals: self._finish(other, refusals, deadline),
        )

    def _record(self, record: RunRecord, name: str) -> RunRecord:
        """Write a decision down, unless another delivery has: then that one stands, and is given."""
        content = msgspec.json.encode(record)
        if self.store.create(self.output_bucket, name, content, JSON):
            return record
        return self._read_record(name) or record

    def _read_record(self, name: str) -> RunRecord | None:
        content = self.store.read_json(self.output_bucket, name)
        return None if content is None else read_record(content)

    def _finish(self, file: StagedFile, refusals: int, deadline: Deadline | None = None) -> Report:
        """Bring another run to its report, or to where a replay of it that was begun would bring it."""
        report = self._published(file) or self.ingest(file, deadline=deadline)
        record = self.recorded(file.run_id) if refusals else None
        return report if record is None else self._load_again(record, refusals, deadline)

    def _quarantine(self, skipped: str, file: StagedFile) -> bool:
        """Put the rows left out where they are kept, before any others are loaded; False: they are gone."""
        bucket = self.output_bucket
        try:
            self.store.copy(bucket, skipped, bucket, file.quarantine_name)
        except InvalidFile:
            return self.store.find(bucket, file.quarantine_name) is not None
        return True

    def _quarantine_uri(self, record: RunRecord) -> str | None:
        if record.skipped is None:
            return None
        return f"gs://{self.output_bucket}/{record.file.quarantine_name}"

    def recorded(self, run_id: str) -> RunRecord | None:
        """What the first delivery of a run decided, or None while nothing is."""
        record = self._read_record(record_name(run_id))
        if record is not None and record.spliced:
            return self._read_record(second_record_name(run_id)) or record
        return record

    def _published(self, file: StagedFile) -> Report | None:
        content = self.published(file)
        return None if content is None else msgspec.convert(content, Report)

    def _publish(self, file: StagedFile, report: Report) -> Report:
        """Write the report unless the run has one: then that one stands, and is given."""
        content = report.to_json().encode()
        if not self.store.create(self.output_bucket, file.report_name, content, JSON):
            report = self._published(file) or report
        # The report's message may quote values of the file, which are no business of the logs.
        _log.log(
            logging.ERROR if report.failed else logging.INFO,
            "%s: %s%s",
            file.uri,
            report.status,
            f", {report.reason}" if report.reason else "",
            extra={"fields": {"event": "run_finished", "uri": file.uri, **report.numbers()}},
        )
        return report
