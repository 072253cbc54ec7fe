"""From a staged file to a decision: what of it to load, written and ready, or why it cannot be loaded."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from cbi.enrich.nest import Nesting
from cbi.enrich.rewrite import Rewritten, rewrite
from cbi.enrich.source import ParquetSource
from cbi.errors import InvalidFile, Reason
from cbi.feed import Feed, feed_names, load_feed
from cbi.findings import Failure
from cbi.identity import StagedFile, enriched_name
from cbi.quality import DataQualityChecker
from cbi.regime_calendar import RegimeCalendar
from cbi.regimes import RegimeCache
from cbi.report import CalendarSummary, Source
from cbi.run_record import RunRecord
from cbi.staging import feed_name
from cbi.storage import PARQUET, ObjectStore, StagedObject
from cbi.timings import Timings
from cbi.validation import Validation, validate


def prepare(store: ObjectStore, output_bucket: str, regimes: RegimeCache, file: StagedFile) -> RunRecord:
    """Validate and enrich a file, as far as it can be. Raises Transient and Misconfigured."""
    timings = Timings()
    about = Source(file.uri, file.generation)
    record = RunRecord(file, about, datetime.now(UTC), feed_name(file), timings=timings)
    try:
        feed = load_known_feed(record.feed)
        schema = tuple(field.to_api() for field in feed.schema)
        record = replace(record, table=feed.table, schema=schema)
        with timings.step("calendar"):
            calendar = regimes.calendar()
        record = replace(record, calendar=_summarise(calendar))
        with timings.step("stat"):
            staged = store.stat(file)
        record = replace(record, source=replace(record.source, size=staged.size))
        with store.open(staged) as content:
            with timings.step("open"):
                source = ParquetSource(content)
            about = replace(record.source, rows=source.rows, created_by=source.created_by)
            record = replace(record, source=about)
            with timings.step("validate"):
                validation = validate(source, feed, calendar)
            record = replace(record, validation=validation.report, warnings=validation.warnings)
            if validation.failure is not None:
                return replace(record, failure=validation.failure)
            with timings.step("enrich"):
                written = _enrich(store, output_bucket, staged, source, feed, calendar, validation)
            return replace(record, parts=written.parts, skipped=written.skipped)
    except InvalidFile as error:
        return replace(record, failure=Failure(error.reason, str(error)))


def load_known_feed(name: str) -> Feed:
    try:
        return load_feed(name)
    except KeyError:
        message = (
            f"there is no feed called {name!r}; drop the file under staged/<feed>/, where <feed> is one of"
            f" {', '.join(feed_names())}"
        )
        raise InvalidFile(Reason.UNKNOWN_FEED, message) from None


def _enrich(
    store: ObjectStore,
    output_bucket: str,
    staged: StagedObject,
    source: ParquetSource,
    feed: Feed,
    calendar: RegimeCalendar,
    validation: Validation,
) -> Rewritten:
    run_id = staged.file.run_id
    nesting = Nesting(
        feed=feed,
        casts=DataQualityChecker(feed).casts(source.schema),
        calendar=calendar,
        finalized_at=staged.finalized_at,
        run_id=run_id,
    )
    # Another contract or calendar makes other bytes, which must not be taken for these.
    contract = hashlib.sha256(f"{feed!r} {calendar.digest}".encode()).hexdigest()[:8]
    return rewrite(
        source,
        nesting,
        validation.spans,
        skips_rows=validation.report.rows_skipped > 0,
        open_sink=lambda part: store.create_stream(
            output_bucket, enriched_name(run_id, contract, part), PARQUET
        ),
    )


def _summarise(calendar: RegimeCalendar) -> CalendarSummary:
    return CalendarSummary(calendar.rows, calendar.min_date, calendar.max_date, calendar.digest)
