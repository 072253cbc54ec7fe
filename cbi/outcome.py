"""From what was decided and what was loaded to the report of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cbi.errors import Reason
from cbi.findings import Failure
from cbi.report import LoadJob, Report
from cbi.run_record import RunRecord
from cbi.warehouse import FinishedLoad


@dataclass(frozen=True)
class Loaded:
    """The load jobs that loaded their part, and why not all did, or not what they should."""

    jobs: tuple[LoadJob, ...] = ()
    failure: Failure | None = None

    @property
    def rows(self) -> int:
        return sum(job.rows for job in self.jobs)


def judge_loads(record: RunRecord, finished: Sequence[FinishedLoad]) -> Loaded:
    """Compare what BigQuery says it loaded with what was to be loaded, part by part."""
    pairs = list(zip(finished, record.parts, strict=True))
    jobs = tuple(
        LoadJob(load.job_id, load.rows, part.partitions) for load, part in pairs if load.error is None
    )
    refused = [f"{load.job_id}: {load.error}" for load, _ in pairs if load.error is not None]
    if refused:
        loaded = f"{len(jobs)} of {len(pairs)} parts are loaded" if jobs else "nothing was loaded"
        message = f"BigQuery refused the load and {loaded}. {' '.join(refused)}"
        return Loaded(jobs, Failure(Reason.LOAD_FAILED, message))
    for load, part in pairs:
        if load.rows != part.rows:
            message = (
                f"job {load.job_id} loaded {load.rows:,} rows where {part.rows:,} were to be loaded; look at"
                f" the rows of this run in {record.table} (run_id = '{record.file.run_id}')"
            )
            return Loaded(jobs, Failure(Reason.ROW_COUNT_MISMATCH, message))
    return Loaded(jobs)


def make_report(
    record: RunRecord, loaded: Loaded, quarantine_uri: str | None, seconds: float, timings: dict[str, float]
) -> Report:
    """Put a run's report together; `seconds` is how long the delivery that ends it has taken."""
    found = record.validation
    failure = loaded.failure
    return Report(
        status="success" if failure is None else "failed",
        reason=failure.reason if failure else None,
        message=failure.message if failure else _success(record, loaded, quarantine_uri),
        run_id=record.file.run_id,
        feed=record.feed,
        table=record.table or None,
        source=record.source,
        validation_report=found,
        rows_processed=found.rows_processed,
        rows_enriched=found.rows_enriched,
        rows_skipped=found.rows_skipped,
        rows_loaded=loaded.rows,
        batches=len(loaded.jobs),
        load_jobs=loaded.jobs,
        quarantine_uri=quarantine_uri,
        warnings=record.warnings,
        regime_calendar=record.calendar,
        finished_at=datetime.now(UTC),
        duration_seconds=round(seconds, 3),
        rows_per_second=round(found.rows_processed / seconds, 1),
        timings=timings,
    )


def _success(record: RunRecord, loaded: Loaded, quarantine_uri: str | None) -> str:
    message = f"{loaded.rows:,} rows are loaded into {record.table}."
    if quarantine_uri is None:
        return message
    skipped = record.validation.rows_skipped
    return (
        f"{message} {skipped:,} rows were skipped because their date has no regime; they are kept in"
        f" {quarantine_uri}."
    )
