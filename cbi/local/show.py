"""Drops a file in a running stack, and shows step by step what becomes of it."""

import tempfile
import time
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
from google.cloud import bigquery
from rich.console import Console

from cbi.clients import bigquery_client, storage_client
from cbi.encoding import indented
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.local.sample import sample_table
from cbi.local.stack import Servers
from cbi.local.storage.changes import wait_for_change
from cbi.runs.staging import stage_file
from cbi.runs.stored import StoredRuns
from cbi.view.terminal import brief_text, done_text, rows_text, steps_text
from cbi.wording import counted

_REPORT_TIMEOUT_SECONDS = 600

_ROWS_QUERY = """
SELECT symbol, data_date, regime.name AS regime, regime.weight AS weight, market_data.close AS close,
       pivots.P AS P, policy.trump_score AS trump_score
FROM `features.daily_ml_matrix`
WHERE run_id = @run_id
ORDER BY data_date DESC, symbol
LIMIT 3
"""

_NEXT = """
[bold]next[/]  make serve               keep this stack up and drop files in
      make run FILE=x.parquet  your own file (OUT=report.json keeps its report)
      README.md                what a file must look like, and how to deploy"""


def drop_and_show(servers: Servers, file: Path | None, out: Path | None, started: float) -> bool:
    """Drop a file, or a sample of 100 rows; save the report to `out` too. Says whether the run succeeded.

    `started` is when the stack was begun to be started, by `time.monotonic`.
    """
    console = Console(highlight=False)
    settings, stack = servers.settings, servers.stack
    console.print(done_text("started Cloud Storage, BigQuery and the function", time.monotonic() - started))
    store = ObjectStore(storage_client(settings))
    begun = time.monotonic()
    staged = _drop(store, stack.staging_bucket, file)
    console.print(done_text(f"dropped {staged.uri}", time.monotonic() - begun))
    outputs = Outputs(store, stack.output_bucket)
    with console.status("the function is at work on it …"):
        published = _wait_for_report(stack.storage, outputs, staged)
    report = StoredRuns(outputs).report(staged)
    assert report is not None, "it is written and never removed"
    if out is not None:
        out.write_bytes(indented(published) + b"\n")
    console.print(steps_text(report), done_text("the function was done with it", report.duration_seconds))
    console.print(brief_text(report))
    if report.rows_loaded:
        names, rows = _last_rows(bigquery_client(settings), report.run_id)
        console.print(
            f"\nthe last {counted(len(rows), 'row', 'rows')} of it in {report.table}:", style="bold"
        )
        console.print(rows_text(names, rows))
    console.print(_NEXT)
    return report.status == "success"


def _drop(store: ObjectStore, bucket: str, file: Path | None) -> StagedFile:
    if file is not None:
        return stage_file(store, bucket, file)
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder, "sample.parquet")
        pq.write_table(sample_table(), sample)
        return stage_file(store, bucket, sample)


def _wait_for_report(storage: str, outputs: Outputs, file: StagedFile) -> dict[str, Any]:
    deadline, changes = time.monotonic() + _REPORT_TIMEOUT_SECONDS, None
    while time.monotonic() < deadline:
        changes = wait_for_change(storage, outputs.bucket, changes)
        if report := outputs.read(Outputs.report(file), dict[str, Any]):
            return report
    raise click.ClickException(f"no report of {file.uri} after {_REPORT_TIMEOUT_SECONDS} s")


def _last_rows(client: bigquery.Client, run_id: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    parameter = bigquery.ScalarQueryParameter("run_id", "STRING", run_id)
    config = bigquery.QueryJobConfig(query_parameters=[parameter])
    rows = list(client.query(_ROWS_QUERY, job_config=config).result())
    return (list(rows[0].keys()) if rows else []), [row.values() for row in rows]
