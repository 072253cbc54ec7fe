"""What a worker does with a staged file: open it, look at its values, and write its parts."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
import pyarrow as pa

import cbi
from cbi.checks.scan import scan_file
from cbi.checks.validation import Validation, judge
from cbi.contract.binding import bind
from cbi.contract.feed import Feed
from cbi.contract.target import Target
from cbi.enrich.nest import Nesting
from cbi.enrichments.enrichment import RunFacts
from cbi.errors import InvalidFile, Reason
from cbi.findings import ExistingKeys, Failure
from cbi.gcs.identity import StagedFile
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.parquet.unsplicable import Unsplicable
from cbi.runs.enriching import Enricher, StagedContent, open_staged
from cbi.runs.plan import Found, LoadPlan
from cbi.runs.report import CalendarSummary
from cbi.runs.worker_requests import Cloud
from cbi.settings import EnrichStrategy, Settings
from cbi.wording import counted
from cbi.workers.worker import Ask


class Prepared(msgspec.Struct, frozen=True):
    """What became of a file: all that was found, and a plan, or a failure."""

    found: Found
    plan: LoadPlan | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class PrepareFile:
    """The job of a worker; its result is a Prepared, encoded.

    `found` is what was known before; `size`, in bytes, and `finalized_at` are the file's, and `claim` names
    what claims its bytes.
    """

    feed: Feed
    calendar: RegimeCalendar
    strategy: EnrichStrategy
    looks_for_keys: bool
    settings: Settings
    found: Found
    file: StagedFile
    size: int
    finalized_at: datetime
    claim: str

    def __call__(self, ask: Ask) -> bytes:
        # Arrow's own allocators map more than they use, which the worker's limits would count.
        pa.set_memory_pool(pa.system_memory_pool())
        work = _Work(self, Cloud(ask))
        try:
            plan = work.plan()
            prepared = Prepared(work.found, plan=plan)
        except InvalidFile as error:
            prepared = Prepared(work.found, failure=Failure(error.reason, str(error)))
        return msgspec.msgpack.encode(prepared)


class _Work:
    """A file on its way to a plan, step by step.

    Every step raises InvalidFile for a fault of the file. `found` grows with each, so that also of a file
    that fails all that was seen is reported.
    """

    def __init__(self, job: PrepareFile, cloud: Cloud) -> None:
        self.found = job.found
        self._job = job
        self._cloud = cloud
        self._calendar = job.calendar

    def plan(self) -> LoadPlan:
        """Look at the values and write the parts."""
        try:
            return self._plan(self._job.strategy)
        except Unsplicable as error:
            self.found = self._job.found
            return self._plan("rewrite", str(error))

    def _plan(self, strategy: EnrichStrategy, fallback_reason: str | None = None) -> LoadPlan:
        job, feed = self._job, self._job.feed
        with ExitStack() as stack:
            with self._step("open"):
                content = stack.enter_context(open_staged(self._cloud, job.size, job.settings, strategy))
                binding = bind(feed, content.source.schema, job.file.name)
            self._note_footer(content)
            with self._step("validate"):
                validation = self._validate(content)
            self._note_validation(validation)
            with self._step("existing_keys"):
                existing = self._find_existing_keys(validation)
            self._note_existing_keys(existing)
            digest = inputs_digest(feed, self._calendar)
            facts = RunFacts(self._calendar, job.finalized_at, job.file.run_id)
            nesting = Nesting(feed, binding.casts, facts, binding.rescued)
            with self._step("enrich"):
                enricher = Enricher(self._cloud, digest, content, nesting)
                enriched = enricher.enrich(validation, strategy, fallback_reason)
        self.found = replace(self.found, enrichment=enriched.enrichment)
        return LoadPlan(
            target=Target.of(feed),
            parts=enriched.parts,
            inputs_digest=digest,
            claim=job.claim,
            finalized_at=job.finalized_at,
            spliced=enriched.enrichment.strategy == "splice",
            quarantine_object=enriched.quarantine_object,
            temporary_objects=enriched.temporary_objects,
        )

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self._cloud.step_done(name, time.monotonic() - start)

    def _note_footer(self, content: StagedContent) -> None:
        rows, created_by = content.source.rows, content.source.created_by
        source = replace(self.found.source, rows=rows, created_by=created_by)
        self.found = replace(self.found, source=source)

    def _validate(self, content: StagedContent) -> Validation:
        """Check a file; a calendar that lacks one of its dates is first read again.

        So a file dropped or replayed after `regimes --apply` is held against what was applied.
        """
        scanned = scan_file(content.source, self._job.feed, object_name=self._job.file.name)
        validation = judge(scanned, self._calendar)
        if validation.report.regime_coverage.missing_dates:
            fresh = self._cloud.refreshed_calendar()
            if fresh.digest != self._calendar.digest:
                self._calendar = fresh
                return judge(scanned, fresh)
        return validation

    def _note_validation(self, validation: Validation) -> None:
        self.found = replace(
            self.found,
            validation=validation.report,
            warnings=validation.warnings,
            calendar=summarise(self._calendar),
        )
        if validation.failure is not None:
            raise InvalidFile(validation.failure.reason, validation.failure.message)

    def _find_existing_keys(self, validation: Validation) -> ExistingKeys | None:
        """Which keys the table has already; None where the feed does not want to know."""
        feed = self._job.feed
        if not self._job.looks_for_keys:
            return None
        return self._cloud.find_existing_keys(validation.keys.rename_columns(list(Target.of(feed).key)))

    def _note_existing_keys(self, existing: ExistingKeys | None) -> None:
        """Warn of keys that the table has already, or fail for them, as the feed wants it."""
        self.found = replace(self.found, existing_keys=existing)
        if existing is None or not existing.count:
            return
        feed = self._job.feed
        first = ", ".join(str(value) for value in existing.keys[0].values())
        keys = counted(existing.count, "key of the file is", "keys of the file are")
        message = f"{keys} in {feed.table} already, the first ({first})"
        if feed.check_existing_keys == "fail":
            advice = "leave those rows out, or undo the run that loaded them, and drop the file again"
            raise InvalidFile(Reason.EXISTING_KEYS, f"{message}; {advice}")
        warning = f"{message}; their rows are there twice now"
        self.found = replace(self.found, warnings=(*self.found.warnings, warning))


def inputs_digest(feed: Feed, calendar: RegimeCalendar) -> str:
    """Another contract, calendar or version makes other bytes, which must not be taken for these."""
    text = f"{cbi.__version__} {feed!r} {calendar.digest}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def summarise(calendar: RegimeCalendar) -> CalendarSummary:
    return CalendarSummary(calendar.rows, calendar.min_date, calendar.max_date, calendar.digest)
