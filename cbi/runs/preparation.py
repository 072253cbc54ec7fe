"""From a staged file to a decision: what of it to load, written and ready, or why it cannot be loaded."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from google.cloud import bigquery

from cbi.checks.quality import DataQualityChecker
from cbi.checks.scan import scan_file
from cbi.checks.validation import Validation, judge
from cbi.contract.feed import Feed, load_staged_feed
from cbi.contract.target import Target
from cbi.enrich.nest import Nesting
from cbi.enrichments.enrichment import RunFacts
from cbi.errors import InvalidFile, Reason
from cbi.findings import Failure
from cbi.gcs.identity import StagedFile
from cbi.gcs.store import ObjectStore, StagedObject
from cbi.lookups.regime_cache import RegimeCache
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.parquet.unsplicable import Unsplicable
from cbi.runs.content import Finish, claim_content
from cbi.runs.enriching import Enricher, StagedContent, open_staged
from cbi.runs.record import RunRecord
from cbi.runs.report import CalendarSummary, Source
from cbi.runs.staging import feed_name
from cbi.settings import Settings
from cbi.telemetry.timings import Timings
from cbi.warehouse.existing_keys import find_existing_keys


@dataclass(frozen=True)
class Preparation:
    """What preparing a file needs; `finish` is for another run that took the same bytes.

    `way` is how to enrich, whatever the feed and the settings say.
    """

    settings: Settings
    store: ObjectStore
    bigquery: bigquery.Client
    regimes: RegimeCache
    finish: Finish
    way: str | None = None

    @property
    def output_bucket(self) -> str:
        return self.settings.require_output_bucket()


def prepare(needs: Preparation, file: StagedFile) -> RunRecord:
    """Validate and enrich a file, as far as it can be. Raises Transient and Misconfigured."""
    timings = Timings()
    about = Source(file.uri, file.generation)
    record = RunRecord(file, about, datetime.now(UTC), feed_name(file), timings=timings)
    try:
        feed = load_staged_feed(record.feed)
        record = replace(record, target=Target.of(feed))
        with timings.step("calendar"):
            calendar = needs.regimes.calendar()
        record = replace(record, calendar=_summarise(calendar))
        with timings.step("stat"):
            staged = needs.store.stat(file)
        record = replace(record, source=replace(record.source, size=staged.size))
        if feed.dedupe_content:
            with timings.step("content"):
                marker = claim_content(needs.store, needs.output_bucket, staged, feed, needs.finish)
            record = replace(record, content_marker=marker)
        way = needs.way or feed.enrich_way or needs.settings.enrich_way
        try:
            return _decide(needs, record, feed, calendar, staged, way)
        except Unsplicable as error:
            return _decide(needs, record, feed, calendar, staged, "rewrite", str(error))
    except InvalidFile as error:
        return _failed(record, error)


def _decide(
    needs: Preparation,
    record: RunRecord,
    feed: Feed,
    calendar: RegimeCalendar,
    staged: StagedObject,
    way: str,
    why: str | None = None,
) -> RunRecord:
    """Look at the values and write the parts, one of the settings' ways.

    `why` is what keeps the file from being spliced. Raises Unsplicable where that is found out only now.
    """
    timings = Timings(record.timings)
    record = replace(record, timings=timings)
    try:
        with ExitStack() as stack:
            with timings.step("open"):
                content = stack.enter_context(open_staged(needs.store, staged, needs.settings, way))
                source = content.source
                casts = DataQualityChecker(feed).casts(source.schema)
            about = replace(record.source, rows=source.rows, created_by=source.created_by)
            record = replace(record, source=about)
            with timings.step("validate"):
                validation, calendar = _validate(needs, content, feed, calendar)
            record = replace(record, validation=validation.report, warnings=validation.warnings)
            record = replace(record, calendar=_summarise(calendar))
            if validation.failure is not None:
                return replace(record, failure=validation.failure)
            with timings.step("existing_keys"):
                record = _look_for_keys(needs, record, feed, validation)
            if record.failure is not None:
                return record
            contract = _digest(feed, calendar)
            nesting = Nesting(feed, casts, RunFacts(calendar, staged.finalized_at, staged.file.run_id))
            with timings.step("enrich"):
                enricher = Enricher(needs.store, needs.output_bucket, contract, content, nesting)
                enriched = enricher.enrich(validation, way, why)
            return replace(
                record,
                contract=contract,
                enrichment=enriched.enrichment,
                parts=enriched.parts,
                skipped=enriched.skipped,
                temporary_objects=enriched.temporary_objects,
            )
    except InvalidFile as error:
        return _failed(record, error)


def _validate(
    needs: Preparation, content: StagedContent, feed: Feed, calendar: RegimeCalendar
) -> tuple[Validation, RegimeCalendar]:
    """Check a file, and give the calendar that counts: one that lacks a date of it is first read again.

    So a file dropped or replayed after `regimes --apply` is held against what was applied.
    """
    scanned = scan_file(content.source, feed)
    validation = judge(scanned, calendar)
    if validation.report.regime_coverage.missing_dates:
        fresh = needs.regimes.refreshed(calendar)
        if fresh.digest != calendar.digest:
            return judge(scanned, fresh), fresh
    return validation, calendar


def _failed(record: RunRecord, error: InvalidFile) -> RunRecord:
    return replace(record, failure=Failure(error.reason, str(error)))


def _look_for_keys(needs: Preparation, record: RunRecord, feed: Feed, validation: Validation) -> RunRecord:
    """Warn of keys that the table has already, or fail for them, as the feed wants it."""
    if feed.write != "append" or feed.check_existing_keys == "off" or record.target is None:
        return record
    keys = validation.keys.rename_columns(list(record.target.key))
    found = find_existing_keys(needs.bigquery, record.target, keys)
    record = replace(record, existing_keys=found)
    if not found.count:
        return record
    first = ", ".join(str(value) for value in found.keys[0].values())
    message = f"{found.count:,} keys of the file are in {feed.table} already, the first ({first})"
    if feed.check_existing_keys == "warn":
        return replace(record, warnings=(*record.warnings, f"{message}; their rows are there twice now"))
    advice = "leave those rows out, or undo the run that loaded them, and drop the file again"
    return replace(record, failure=Failure(Reason.EXISTING_KEYS, f"{message}; {advice}"))


def _digest(feed: Feed, calendar: RegimeCalendar) -> str:
    """Another contract or calendar makes other bytes, which must not be taken for these."""
    return hashlib.sha256(f"{feed!r} {calendar.digest}".encode()).hexdigest()[:8]


def _summarise(calendar: RegimeCalendar) -> CalendarSummary:
    return CalendarSummary(calendar.rows, calendar.min_date, calendar.max_date, calendar.digest)
