"""The first version's integration test: rows in, read back, held against a checklist, and deleted again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import bigquery

from cbi.gcs.identity import StagedFile
from cbi.ops.undo import undo
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.report import Report
from cbi.warehouse.query import run_query
from cbi.wording import counted

# Bounded by the dates, so that only their partitions are read and paid for.
_QUERY = """
SELECT COUNT(*) AS total, COUNTIF(regime.name IS NOT NULL) AS regimes,
       MIN(regime.weight) AS lowest_weight, MAX(regime.weight) AS highest_weight,
       COUNTIF(market_data.close > 0) AS closes, COUNTIF(pivots.P IS NOT NULL) AS pivots,
       COUNTIF(policy.trump_score IS NOT NULL) AS policies
FROM `{table}`
WHERE run_id = @run_id AND data_date BETWEEN @first AND @last
"""


@dataclass(frozen=True)
class Checked:
    """A line of the checklist: what was looked at, what was found, and whether that is as it should be."""

    what: str
    found: str
    passed: bool


def integration(pipeline: IngestionPipeline, sample: pa.Table) -> Iterator[Checked]:
    """Take a sample of `features.daily_ml_matrix` the whole way and out again, a line of the list at a time.

    The rows are deleted whatever the checks say. Raises Transient and Misconfigured.
    """
    file = _stage(pipeline, sample)
    report = pipeline.ingest(file)
    loaded = report["rows_loaded"]
    yield Checked(
        "ingested",
        f"{report['status']}, {counted(loaded, 'row', 'rows')} in {report['duration_seconds']} s"
        + (f": {report.message}" if report.status != "success" else ""),
        report["status"] == "success" and loaded == sample.num_rows,
    )
    if not loaded:
        return
    try:
        yield from _checklist(_read(pipeline, report), sample.num_rows)
    finally:
        undone = undo(pipeline, report.run_id)
        pipeline.store.delete(file.bucket, file.name)
    yield Checked("deleted", counted(undone.rows_deleted, "row", "rows"), undone.rows_deleted == loaded)
    left = _read(pipeline, report)["total"]
    yield Checked("deletion verified", f"{counted(left, 'row', 'rows')} left", left == 0)


def _stage(pipeline: IngestionPipeline, sample: pa.Table) -> StagedFile:
    """Put the sample under a name of its own: a run of an earlier test is not to be taken for this one."""
    with TemporaryDirectory() as folder:
        path = Path(folder, f"integration-{uuid4().hex}.parquet")
        pq.write_table(sample, path)
        return pipeline.stage(path)


def _checklist(row: Mapping[str, Any], rows: int) -> Iterator[Checked]:
    low, high = row["lowest_weight"], row["highest_weight"]
    weights = low is not None and 400 <= low <= high <= 600
    yield Checked("row count", f"{row['total']:,} of {rows:,}", row["total"] == rows)
    yield Checked("regime populated", f"{row['regimes']:,} of {rows:,}", row["regimes"] == rows)
    yield Checked("weights in [400, 600]", f"{low} to {high}", weights)
    for what, name in (("close above 0", "closes"), ("pivots", "pivots"), ("policy", "policies")):
        yield Checked(what, f"{row[name]:,} of {rows:,}", row[name] == rows)


def _read(pipeline: IngestionPipeline, report: Report) -> Mapping[str, Any]:
    dates = report.validation_report.date_range
    parameters = [
        bigquery.ScalarQueryParameter("run_id", "STRING", report.run_id),
        bigquery.ScalarQueryParameter("first", "DATE", dates.min_date),
        bigquery.ScalarQueryParameter("last", "DATE", dates.max_date),
    ]
    sql = _QUERY.format(table=f"{pipeline.bigquery.project}.{report.table}")
    (row,) = run_query(pipeline.bigquery, sql, parameters)
    return dict(row.items())
