"""From what was decided and what was loaded to the report of a run."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import cbi
from cbi.checks.regime_coverage import NO_REGIME
from cbi.errors import Reason
from cbi.findings import Failure
from cbi.runs.feed_name import feed_name
from cbi.runs.plan import Found
from cbi.runs.protocol.log import LoadedPart, Run
from cbi.runs.report import LoadJob, Report, Source
from cbi.wording import counted


def make_report(
    run: Run,
    loaded: Sequence[LoadedPart],
    failure: Failure | None,
    quarantine_uri: str | None,
    seconds: float,
    timings: Mapping[str, float],
) -> Report:
    """Put a run's report together: which parts are loaded, and why not all are, or not as they should be.

    `seconds` is how long the delivery that ends it has taken.
    """
    found = run.found or Found(Source(run.file.uri, run.file.generation), feed_name(run.file))
    checked, jobs = found.validation, tuple(part.job for part in loaded)
    return Report(
        status=_status(failure),
        reason=failure.reason if failure else None,
        message=failure.message if failure else _success(run.file.run_id, found, jobs, quarantine_uri),
        run_id=run.file.run_id,
        feed=found.feed,
        table=found.table,
        source=found.source,
        validation_report=checked,
        rows_processed=checked.rows_processed,
        rows_enriched=checked.rows_enriched,
        rows_skipped=checked.rows_skipped,
        rows_loaded=sum(job.rows for job in jobs),
        rows_inserted=_total(job.inserted for job in jobs),
        rows_updated=_total(job.updated for job in jobs),
        batches=len(jobs),
        load_jobs=jobs,
        quarantine_uri=quarantine_uri,
        existing_keys=found.existing_keys,
        enrichment=found.enrichment,
        warnings=found.warnings,
        regime_calendar=found.calendar,
        cbi_version=cbi.__version__,
        finished_at=datetime.now(UTC),
        duration_seconds=round(seconds, 3),
        rows_per_second=round(checked.rows_processed / seconds, 1),
        timings=dict(timings),
    )


def _status(failure: Failure | None) -> Literal["success", "failed", "skipped"]:
    if failure is None:
        return "success"
    return "skipped" if failure.reason is Reason.DUPLICATE_CONTENT else "failed"


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _success(run_id: str, found: Found, jobs: Sequence[LoadJob], quarantine_uri: str | None) -> str:
    message = f"{counted(sum(job.rows for job in jobs), 'row is', 'rows are')} loaded into {found.table}."
    inserted, updated = _total(job.inserted for job in jobs), _total(job.updated for job in jobs)
    if inserted is not None or updated is not None:
        message += f" {inserted or 0:,} were new, {updated or 0:,} took another's place."
    if quarantine_uri is None:
        return message
    checked = found.validation
    if checked.quarantine_reasons.keys() <= {NO_REGIME}:
        one, more = "because its date has no regime", "because their date has no regime"
        remedy = "Extend regimes.yaml, run `python -m cbi regimes --apply`"
    else:
        counts = (f"{reason}: {rows:,}" for reason, rows in checked.quarantine_reasons.items())
        one = more = f"({', '.join(counts)})"
        remedy = f"Drop them corrected, or fix the contract of {found.feed}"
    skipped = counted(
        checked.rows_skipped, f"row was skipped {one}; it is", f"rows were skipped {more}; they are"
    )
    return (
        f"{message} {skipped} kept in {quarantine_uri}. {remedy}, then"
        f" `python -m cbi replay {run_id}` loads them."
    )
