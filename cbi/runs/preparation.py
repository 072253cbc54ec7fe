"""From a staged file to a decision: what of it to load, written and ready, or why it cannot be loaded."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace

from google.cloud import bigquery

import cbi
from cbi.checks.scan import scan_file
from cbi.checks.validation import Validation, judge
from cbi.contract.binding import bind
from cbi.contract.catalog import load_staged_feed
from cbi.contract.feed import Feed
from cbi.contract.target import Target
from cbi.enrich.nest import Nesting
from cbi.enrichments.enrichment import RunFacts
from cbi.errors import InvalidFile, Reason
from cbi.findings import ExistingKeys, Failure
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore, StagedObject
from cbi.lookups.regime_cache import RegimeCache
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.parquet.unsplicable import Unsplicable
from cbi.runs.enriching import Enricher, StagedContent, open_staged
from cbi.runs.plan import Found, LoadPlan
from cbi.runs.record import Failed, Planned, RunRecord
from cbi.runs.report import CalendarSummary, Source
from cbi.runs.staging import feed_name
from cbi.settings import EnrichStrategy, Settings
from cbi.telemetry.timings import Timings
from cbi.warehouse.existing_keys import find_existing_keys
from cbi.wording import counted


@dataclass(frozen=True)
class Context:
    """What preparing any file takes."""

    settings: Settings
    store: ObjectStore
    outputs: Outputs
    bigquery: bigquery.Client
    regimes: RegimeCache


@dataclass(frozen=True)
class Inputs:
    """What a decision depends on."""

    feed: Feed
    calendar: RegimeCalendar
    staged: StagedObject

    @property
    def digest(self) -> str:
        """Another contract, calendar or version makes other bytes, which must not be taken for these."""
        text = f"{cbi.__version__} {self.feed!r} {self.calendar.digest}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]


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
        self.found = replace(self.found, calendar=_summarise(calendar))
        with self.timings.step("stat"):
            staged = self._context.store.stat(self._file)
        self.found = replace(self.found, source=replace(self.found.source, size=staged.size))
        return Inputs(feed, calendar, staged)

    def plan(self, inputs: Inputs, strategy: EnrichStrategy | None, content_marker: str | None) -> LoadPlan:
        """Look at the values and write the parts.

        `strategy` is how to enrich, whatever the feed and the settings say; `content_marker` is the object
        that marks the bytes as this run's.
        """
        strategy = strategy or inputs.feed.enrich_strategy or self._context.settings.enrich_strategy
        looked_up = self.found
        try:
            return self._plan(inputs, content_marker, strategy)
        except Unsplicable as error:
            self.found = looked_up
            return self._plan(inputs, content_marker, "rewrite", str(error))

    def _plan(
        self,
        inputs: Inputs,
        content_marker: str | None,
        strategy: EnrichStrategy,
        fallback_reason: str | None = None,
    ) -> LoadPlan:
        context, feed, staged = self._context, inputs.feed, inputs.staged
        with ExitStack() as stack:
            with self.timings.step("open"):
                content = stack.enter_context(open_staged(context.store, staged, context.settings, strategy))
                binding = bind(feed, content.source.schema, staged.file.name)
            self._note_footer(content)
            with self.timings.step("validate"):
                validation, inputs = self._validate(inputs, content)
            self._note_validation(validation, inputs.calendar)
            with self.timings.step("existing_keys"):
                existing = self._find_existing_keys(feed, validation)
            self._note_existing_keys(feed, existing)
            facts = RunFacts(inputs.calendar, staged.finalized_at, staged.file.run_id)
            nesting = Nesting(feed, binding.casts, facts, binding.rescued)
            with self.timings.step("enrich"):
                enricher = Enricher(context.outputs, inputs.digest, content, nesting)
                enriched = enricher.enrich(validation, strategy, fallback_reason)
        self.found = replace(self.found, enrichment=enriched.enrichment)
        return LoadPlan(
            target=Target.of(feed),
            parts=enriched.parts,
            inputs_digest=inputs.digest,
            spliced=enriched.enrichment.strategy == "splice",
            content_marker=content_marker,
            quarantine_object=enriched.quarantine_object,
            temporary_objects=enriched.temporary_objects,
        )

    def _note_footer(self, content: StagedContent) -> None:
        rows, created_by = content.source.rows, content.source.created_by
        source = replace(self.found.source, rows=rows, created_by=created_by)
        self.found = replace(self.found, source=source)

    def _validate(self, inputs: Inputs, content: StagedContent) -> tuple[Validation, Inputs]:
        """Check a file, and return the inputs that count: a calendar that lacks a date is first read again.

        So a file dropped or replayed after `regimes --apply` is held against what was applied.
        """
        scanned = scan_file(content.source, inputs.feed, object_name=inputs.staged.file.name)
        validation = judge(scanned, inputs.calendar)
        if validation.report.regime_coverage.missing_dates:
            fresh = self._context.regimes.refreshed(inputs.calendar)
            if fresh.digest != inputs.calendar.digest:
                return judge(scanned, fresh), replace(inputs, calendar=fresh)
        return validation, inputs

    def _note_validation(self, validation: Validation, calendar: RegimeCalendar) -> None:
        self.found = replace(
            self.found,
            validation=validation.report,
            warnings=validation.warnings,
            calendar=_summarise(calendar),
        )
        if validation.failure is not None:
            raise InvalidFile(validation.failure.reason, validation.failure.message)

    def _find_existing_keys(self, feed: Feed, validation: Validation) -> ExistingKeys | None:
        """Which keys the table has already; None where the feed does not want to know."""
        if feed.write != "append" or feed.check_existing_keys == "off":
            return None
        target = Target.of(feed)
        keys = validation.keys.rename_columns(list(target.key))
        return find_existing_keys(self._context.bigquery, target, keys)

    def _note_existing_keys(self, feed: Feed, existing: ExistingKeys | None) -> None:
        """Warn of keys that the table has already, or fail for them, as the feed wants it."""
        self.found = replace(self.found, existing_keys=existing)
        if existing is None or not existing.count:
            return
        first = ", ".join(str(value) for value in existing.keys[0].values())
        keys = counted(existing.count, "key of the file is", "keys of the file are")
        message = f"{keys} in {feed.table} already, the first ({first})"
        if feed.check_existing_keys == "fail":
            advice = "leave those rows out, or undo the run that loaded them, and drop the file again"
            raise InvalidFile(Reason.EXISTING_KEYS, f"{message}; {advice}")
        warning = f"{message}; their rows are there twice now"
        self.found = replace(self.found, warnings=(*self.found.warnings, warning))


def _summarise(calendar: RegimeCalendar) -> CalendarSummary:
    return CalendarSummary(calendar.rows, calendar.min_date, calendar.max_date, calendar.digest)
