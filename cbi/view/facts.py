"""The facts of a report in a few lines, label and text, as the terminal and the page both tell them."""

from datetime import UTC, datetime

from cbi.findings import RegimeCoverage, ValidationReport
from cbi.runs.report import Report
from cbi.wording import byte_size, counted, duration

Facts = list[tuple[str, str]]
"""Labels and texts, in the order in which they are to be read."""


def report_facts(report: Report) -> Facts:
    """What a run was about and what it did."""
    facts = [("file", _file(report)), ("run", f"{report.run_id}, {_when(report.finished_at)}")]
    if report.table is not None:
        facts.append(("rows", _rows(report)))
    facts += _findings(report.validation_report)
    if report.enrichment is not None:
        facts.append(("nested", _nested(report)))
    if report.load_jobs:
        more = len(report.load_jobs) - 1
        others = f" and {counted(more, 'other', 'others')}" if more else ""
        facts.append(("load job", f"{report.load_jobs[0].id}{others}"))
    facts.append(("took", f"{duration(report.duration_seconds)}{_slowest(report)}"))
    return facts


def file_facts(found: ValidationReport) -> Facts:
    """What a look at a file alone found."""
    rows = [("rows", f"{found.rows_processed:,}")] if found.rows_processed else []
    return [*rows, *_findings(found)]


def _findings(found: ValidationReport) -> Facts:
    """Of what could not be looked at nothing is said."""
    facts = []
    if (dates := found.date_range).min_date is not None:
        facts.append(("dates", f"{dates.min_date} to {dates.max_date}"))
    if found.regime_coverage.total_dates:
        facts.append(("regimes", _coverage(found.regime_coverage)))
    if reasons := found.quarantine_reasons:
        left_out = (f"{counted(rows, 'row', 'rows')} {reason}" for reason, rows in reasons.items())
        facts.append(("left out", ", ".join(left_out)))
    return facts


def _file(report: Report) -> str:
    source = report.source
    size = "" if source.size is None else f", {byte_size(source.size)}"
    return f"{source.uri}{size}, generation {source.generation}"


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _rows(report: Report) -> str:
    parts = [f"{counted(report.rows_processed, 'row', 'rows')} in the file", f"{report.rows_loaded:,} loaded"]
    if report.rows_inserted is not None or report.rows_updated is not None:
        parts.append(f"{report.rows_inserted or 0:,} new, {report.rows_updated or 0:,} in another's place")
    if report.rows_skipped:
        parts.append(f"{report.rows_skipped:,} in quarantine")
    return f"{', '.join(parts)}; table {report.table}"


def _coverage(found: RegimeCoverage) -> str:
    dates = counted(found.total_dates, "date", "dates")
    if not found.missing_dates:
        return f"all of its {dates} have one"
    first, last = found.missing_dates[0], found.missing_dates[-1]
    missing = found.total_dates - found.covered_dates
    return f"{missing:,} of its {dates} have none, the first {first}" + (
        f", to {last}" if last > first else ""
    )


def _nested(report: Report) -> str:
    enrichment = report.enrichment
    if enrichment is None:
        return ""
    why = f" ({enrichment.fallback_reason})" if enrichment.fallback_reason else ""
    read, sent = byte_size(enrichment.bytes_read), byte_size(enrichment.bytes_uploaded)
    return f"by {enrichment.strategy}{why}, {read} read, {sent} uploaded"


def _slowest(report: Report) -> str:
    if not report.timings:
        return ""
    step = max(report.timings, key=report.timings.__getitem__)
    return f", of which {duration(report.timings[step])} to {STEPS.get(step, step)}"


STEPS = {
    "calendar": "read the regime calendar",
    "stat": "look at the object",
    "content": "see that nobody has these bytes",
    "open": "read the footer",
    "validate": "validate",
    "existing_keys": "look for its keys in the table",
    "enrich": "enrich and write",
    "load": "load into BigQuery",
}
"""What each step of a run's `timings` does, in words."""
