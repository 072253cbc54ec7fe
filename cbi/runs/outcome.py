"""From what was decided and what was loaded to the report of a run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import cbi
from cbi.checks.regime_coverage import NO_REGIME
from cbi.errors import Reason
from cbi.findings import Failure
from cbi.runs.record import RunRecord
from cbi.runs.report import LoadJob, Report
from cbi.warehouse.part_load import PartLoad
from cbi.wording import counted


@dataclass(frozen=True)
class LoadOutcome:
    """The load jobs that loaded their part, and why not all did, or not what they should.

    `refusal` is what BigQuery said where it would not take a part.
    """

    jobs: tuple[LoadJob, ...] = ()
    failure: Failure | None = None
    refusal: str | None = None

    @property
    def rows(self) -> int:
        return sum(job.rows for job in self.jobs)

    @property
    def inserted(self) -> int | None:
        """Rows that merging put in; None where nothing was merged."""
        return _total(job.inserted for job in self.jobs)

    @property
    def updated(self) -> int | None:
        """Rows that merging put in another's place; None where nothing was merged."""
        return _total(job.updated for job in self.jobs)


def compare_loads(record: RunRecord, finished: Sequence[PartLoad]) -> LoadOutcome:
    """Compare what BigQuery says it loaded with what was to be loaded, part by part."""
    pairs = list(zip(finished, record.parts, strict=True))
    jobs = tuple(
        LoadJob(load.job_id, load.rows, part.partitions, load.inserted, load.updated)
        for load, part in pairs
        if load.error is None
    )
    refused = [f"{load.job_id}: {load.error}" for load, _ in pairs if load.error is not None]
    if refused:
        loaded = f"{len(jobs)} of {len(pairs)} parts are loaded" if jobs else "nothing was loaded"
        message = f"BigQuery refused the load and {loaded}. {' '.join(refused)}"
        return LoadOutcome(jobs, Failure(Reason.LOAD_FAILED, message), refusal=message)
    for load, part in pairs:
        if load.rows != part.rows:
            message = (
                f"job {load.job_id} loaded {load.rows:,} rows where {part.rows:,} were to be loaded; look at"
                f" the table's rows with run_id = '{record.file.run_id}'"
            )
            return LoadOutcome(jobs, Failure(Reason.ROW_COUNT_MISMATCH, message))
    return LoadOutcome(jobs)


def make_report(
    record: RunRecord,
    loaded: LoadOutcome,
    quarantine_uri: str | None,
    seconds: float,
    timings: dict[str, float],
) -> Report:
    """Put a run's report together; `seconds` is how long the delivery that ends it has taken."""
    found, failure = record.found, loaded.failure
    checked = found.validation
    return Report(
        status=_status(failure),
        reason=failure.reason if failure else None,
        message=failure.message if failure else _success(record, loaded, quarantine_uri),
        run_id=record.file.run_id,
        feed=found.feed,
        table=found.table,
        source=found.source,
        validation_report=checked,
        rows_processed=checked.rows_processed,
        rows_enriched=checked.rows_enriched,
        rows_skipped=checked.rows_skipped,
        rows_loaded=loaded.rows,
        rows_inserted=loaded.inserted,
        rows_updated=loaded.updated,
        batches=len(loaded.jobs),
        load_jobs=loaded.jobs,
        quarantine_uri=quarantine_uri,
        existing_keys=found.existing_keys,
        enrichment=found.enrichment,
        warnings=found.warnings,
        regime_calendar=found.calendar,
        cbi_version=cbi.__version__,
        finished_at=datetime.now(UTC),
        duration_seconds=round(seconds, 3),
        rows_per_second=round(checked.rows_processed / seconds, 1),
        timings=timings,
    )


def _status(failure: Failure | None) -> Literal["success", "failed", "skipped"]:
    if failure is None:
        return "success"
    return "skipped" if failure.reason is Reason.DUPLICATE_CONTENT else "failed"


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _success(record: RunRecord, loaded: LoadOutcome, quarantine_uri: str | None) -> str:
    message = f"{counted(loaded.rows, 'row is', 'rows are')} loaded into {record.found.table}."
    if loaded.inserted is not None or loaded.updated is not None:
        message += f" {loaded.inserted or 0:,} were new, {loaded.updated or 0:,} took another's place."
    if quarantine_uri is None:
        return message
    checked = record.found.validation
    if checked.quarantine_reasons.keys() <= {NO_REGIME}:
        one, more = "because its date has no regime", "because their date has no regime"
        remedy = "Extend regimes.yaml, run `python -m cbi regimes --apply`"
    else:
        counts = (f"{reason}: {rows:,}" for reason, rows in checked.quarantine_reasons.items())
        one = more = f"({', '.join(counts)})"
        remedy = f"Drop them corrected, or fix the contract of {record.found.feed}"
    skipped = counted(
        checked.rows_skipped, f"row was skipped {one}; it is", f"rows were skipped {more}; they are"
    )
    return (
        f"{message} {skipped} kept in {quarantine_uri}. {remedy}, then"
        f" `python -m cbi replay {record.file.run_id}` loads them."
    )
