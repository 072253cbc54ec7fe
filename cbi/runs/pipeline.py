"""The whole way of a file: staged, validated, enriched, loaded, reported. Nothing else knows all of it."""

from pathlib import Path
from typing import Any

from cbi.clients import bigquery_client, storage_client
from cbi.contract import DEFAULT_FEED
from cbi.deadline import Deadline
from cbi.errors import Transient
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.lookups.regime_cache import RegimeCache
from cbi.runs import worker_job
from cbi.runs.executor import Executor
from cbi.runs.feed_name import feed_name
from cbi.runs.fetched_feeds import fetch_feeds
from cbi.runs.preparation import Context
from cbi.runs.protocol.log import Run, fold
from cbi.runs.protocol.step import Program, Step
from cbi.runs.protocol.steps import advance, load
from cbi.runs.report import Report
from cbi.runs.staging import stage_file, stage_table, staged_uri
from cbi.runs.stored import StoredRuns
from cbi.settings import Settings
from cbi.telemetry.logs import log_context
from cbi.telemetry.tracing import span
from cbi.workers.pool import Workers


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
        self.regimes = RegimeCache(
            self.bigquery,
            ttl_seconds=self.settings.regime_ttl_seconds,
            max_stale_seconds=self.settings.regime_max_stale_seconds,
        )
        self._context = Context(
            self.settings, self.store, self.outputs, self.runs, self.bigquery, self.regimes, workers
        )

    def ingest(self, source: Any, *, feed: str = DEFAULT_FEED, deadline: Deadline | None = None) -> Report:
        """Take a file all the way and return its report, which is also in the output bucket.

        `source` is a StagedFile, a gs:// URI of one, a local parquet file's path, a pyarrow Table or a pandas
        DataFrame; the last three are put in the staging bucket first, for the named feed.
        """
        file = self.stage(source, feed)
        met = self.take(file, Step(advance, (file, None)), deadline)
        report = met.get(file) or self.runs.report(file)
        if report is None:
            raise Transient(f"the report of {file.uri} has just been removed; ask again")
        return report

    def take(
        self,
        file: StagedFile,
        step: Step,
        deadline: Deadline | None = None,
        until: Program | None = None,
    ) -> dict[StagedFile, Report]:
        """Take a step of a file's run and all that follow, and return the reports that were met on the
        way."""
        executor = Executor(self._context, deadline or Deadline.never())
        with log_context(run_id=file.run_id, feed=feed_name(file)), span("ingest"):
            executor.take(step, until)
        return executor.reports

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
    ) -> Run:
        """Decide what of a file to load and write it, nested and with regimes, beside the decision.

        Where another delivery of the same event has decided before, its decision is returned instead.
        """
        file = self.stage(source, feed)
        self.take(file, Step(advance, (file, None)), deadline, until=load)
        return fold(self.runs.log(file))

    def load(self, run: Run, deadline: Deadline | None = None) -> Report:
        """Load each part of a decided run by a load job of its own, wait for all of them, and report."""
        return self.ingest(run.file, deadline=deadline)

    def published(self, file: StagedFile) -> dict[str, Any] | None:
        """The report of a file's run as it is in the output bucket, or None while there is none."""
        return self.outputs.read(Outputs.report(file), dict[str, Any])
