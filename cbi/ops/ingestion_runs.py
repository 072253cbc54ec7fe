"""Every report as a row of `ops.ingestion_runs`, loaded by the sweep: free of charge, and each once.

Reports are only created, so those of ten minutes that are over are the same however often they are listed.
The rows of such a window go into one object and are loaded by one job, both named after the window.
"""

import hashlib
import io
import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from cbi.contract.catalog import other_tables
from cbi.contract.feed import Feed
from cbi.deadline import Deadline
from cbi.decoding import ready
from cbi.gcs.outputs import LOADED_WINDOWS, Outputs
from cbi.gcs.store import ListedObject
from cbi.ops.announce import history_of
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.report import Report
from cbi.runs.upgrade import upgrade_report
from cbi.warehouse.inserts import ParquetLoad
from cbi.warehouse.jobs import Jobs, JobSpec
from cbi.warehouse.schema import schema_fields

RUNS_TABLE = "ops.ingestion_runs"

_WINDOW = timedelta(minutes=10)

# A clock of ours may be ahead of the bucket's, so that a window is not over yet when it seems so.
_MARGIN = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_log = logging.getLogger(__name__)


def load_runs(
    pipeline: IngestionPipeline, reports: Iterable[ListedObject], now: datetime, deadline: Deadline
) -> int:
    """Load the reports of every window that is over and not loaded yet, oldest first; return their number.

    Raises Transient and Misconfigured; what is not loaded then, the next sweep loads.
    """
    outputs = pipeline.outputs
    loaded = {listed.file.name.removeprefix(LOADED_WINDOWS) for listed in outputs.list(LOADED_WINDOWS)}
    windows: dict[datetime, list[str]] = defaultdict(list)
    for report in reports:
        windows[report.finalized_at - (report.finalized_at - _EPOCH) % _WINDOW].append(report.file.name)
    rows = 0
    for start, names in sorted(windows.items()):
        window = f"{start:%Y%m%dT%H%M}"
        if window in loaded or start + _WINDOW + _MARGIN > now or deadline.passed:
            continue
        rows += _load_window(pipeline, window, names, deadline)
    return rows


def _load_window(pipeline: IngestionPipeline, window: str, names: list[str], deadline: Deadline) -> int:
    outputs = pipeline.outputs
    table = next(contract for contract in other_tables() if contract.table == RUNS_TABLE)
    reports = [report for name in names if (report := outputs.read(name, dict[str, Any])) is not None]
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([_row(report) for report in reports], table.arrow_schema), content)
    outputs.create_parquet(outputs.window(window), content.getvalue())
    jobs = Jobs(pipeline.bigquery, pipeline.settings.bigquery_location)
    done = jobs.run(_load_spec(pipeline, jobs, table, window), deadline)
    if done.error is not None:
        _log.error("the reports of %s were not loaded into %s: %s", window, RUNS_TABLE, done.error)
        return 0
    history_of(pipeline).add_missing(
        msgspec.convert(upgrade_report(report), ready(Report)) for report in reports
    )
    outputs.create(outputs.loaded_window(window), {"job": done.job_id})
    return len(reports)


def _load_spec(pipeline: IngestionPipeline, jobs: Jobs, table: Feed, window: str) -> JobSpec:
    load = ParquetLoad(
        uri=pipeline.outputs.uri(Outputs.window(window)),
        table=f"{jobs.client.project}.{table.table}",
        schema=schema_fields(field.to_api() for field in table.schema),
        labels={"component": "cbi"},
    )
    # Another deployment in the same project has a bucket, and so ids, of its own.
    deployment = hashlib.sha256(pipeline.outputs.bucket.encode()).hexdigest()[:8]
    return JobSpec(
        lambda attempt: f"cbi_{table.name}_{deployment}_{window}_{attempt}",
        lambda job_id: load.insert(jobs.client, jobs.location, job_id),
    )


def _row(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as a row: its fields of the columns' names, and all of it as JSON."""
    finished_at = datetime.fromisoformat(report["finished_at"])
    source = report["source"]
    return {
        **report,
        "finished_at": finished_at,
        "finished_on": finished_at.astimezone(UTC).date(),
        "loaded_table": report["table"],
        "source_uri": source["uri"],
        "source_generation": source["generation"],
        "source_size": source["size"],
        "report": json.dumps(report, ensure_ascii=False),
    }
