"""The whole way of a file: staged, validated, enriched, loaded, reported. Nothing else knows all of it."""

import json
import logging
import time
from pathlib import Path
from typing import Any

from cbi.clients import bigquery_client, storage_client
from cbi.deadline import Deadline
from cbi.feed import DEFAULT_FEED
from cbi.identity import StagedFile, record_name
from cbi.jsonable import from_jsonable, to_jsonable
from cbi.outcome import Loaded, judge_loads, make_report
from cbi.preparation import prepare
from cbi.regimes import RegimeCache
from cbi.report import Report
from cbi.run_record import RunRecord
from cbi.settings import Settings
from cbi.staging import stage_file, stage_table, staged_uri
from cbi.storage import JSON, ObjectStore
from cbi.timings import Timings
from cbi.warehouse import LoadRequest, Warehouse

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
        client = bigquery_client(self.settings)
        self.store = ObjectStore(storage_client(self.settings))
        self.warehouse = Warehouse(client, self.settings.bigquery_location)
        self.regimes = RegimeCache(
            client,
            ttl_seconds=self.settings.regime_ttl_seconds,
            max_stale_seconds=self.settings.regime_max_stale_seconds,
        )

    def ingest(self, what: Any, *, feed: str = DEFAULT_FEED, deadline: Deadline | None = None) -> Report:
        """Take a file all the way and give its report, which is also in the output bucket.

        `what` is a StagedFile, a gs:// URI of one, a local parquet file's path, a pyarrow Table or a pandas
        DataFrame; the last three are put in the staging bucket first, for the named feed.
        """
        start = time.monotonic()
        file = self.stage(what, feed)
        record = self._recorded(file)
        if record is None:
            record = self.validate_and_enrich(file)
        elif report := self._published(file):
            _log.info("%s has its report already: %s", file.uri, report.status, extra={"run_id": file.run_id})
            return report
        timings = Timings(record.timings)
        with timings.step("load"):
            loaded = self.load(record, deadline)
        report = make_report(record, loaded, self._quarantine_uri(record), time.monotonic() - start, timings)
        return self._publish(file, report)

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

    def validate_and_enrich(self, what: Any, *, feed: str = DEFAULT_FEED) -> RunRecord:
        """Decide what of a file to load and write it, nested and with regimes, beside the decision.

        Where another delivery of the same event has decided before, its decision is given instead.
        """
        file = self.stage(what, feed)
        record = prepare(self.store, self.output_bucket, self.regimes, file)
        content = json.dumps(to_jsonable(record)).encode()
        if self.store.create(self.output_bucket, record_name(file.run_id), content, JSON):
            return record
        return self._recorded(file) or record

    def load(self, record: RunRecord, deadline: Deadline | None = None) -> Loaded:
        """Load each part of a decided run by a load job of its own and wait for all of them."""
        if record.failure is not None:
            return Loaded(failure=record.failure)
        if record.skipped is not None:
            self.store.copy(self.output_bucket, record.skipped, record.file.quarantine_name)
        requests = [self._request(record, number) for number in range(len(record.parts))]
        return judge_loads(record, self.warehouse.load(requests, deadline or Deadline.never()))

    def published(self, file: StagedFile) -> dict[str, Any] | None:
        """The report of a file's run as it is in the output bucket, or None while there is none."""
        return self.store.read_json(self.output_bucket, file.report_name)

    def _request(self, record: RunRecord, number: int) -> LoadRequest:
        return LoadRequest(
            uri=f"gs://{self.output_bucket}/{record.parts[number].name}",
            table=record.table,
            schema=record.schema,
            feed=record.feed,
            run_id=record.file.run_id,
            part=number,
        )

    def _quarantine_uri(self, record: RunRecord) -> str | None:
        if record.skipped is None:
            return None
        return f"gs://{self.output_bucket}/{record.file.quarantine_name}"

    def _recorded(self, file: StagedFile) -> RunRecord | None:
        """What an earlier delivery decided, or None while nothing is."""
        content = self.store.read_json(self.output_bucket, record_name(file.run_id))
        return None if content is None else from_jsonable(RunRecord, content)

    def _published(self, file: StagedFile) -> Report | None:
        content = self.published(file)
        return None if content is None else from_jsonable(Report, content)

    def _publish(self, file: StagedFile, report: Report) -> Report:
        """Write the report unless the run has one: then that one stands, and is given."""
        content = report.to_json().encode()
        if not self.store.create(self.output_bucket, file.report_name, content, JSON):
            report = self._published(file) or report
        _log.log(
            logging.INFO if report.succeeded else logging.ERROR,
            "%s: %s. %s",
            file.uri,
            report.status,
            report.message,
            extra={"run_id": file.run_id},
        )
        return report
