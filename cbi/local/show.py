"""Drops a file in a running stack, and prints its report and the last of its rows."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
from google.cloud import bigquery

from cbi.clients import bigquery_client, storage_client
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.local.sample import sample_table
from cbi.local.stack import Servers, Stack
from cbi.local.storage.changes import wait_for_change
from cbi.runs.staging import stage_file

_REPORT_TIMEOUT_SECONDS = 600

_ROWS_QUERY = """
SELECT symbol, data_date, regime.name AS regime, regime.weight AS weight, market_data.close AS close,
       pivots.P AS P, policy.trump_score AS trump_score
FROM `features.daily_ml_matrix`
WHERE run_id = @run_id
ORDER BY data_date DESC, symbol
LIMIT 5
"""


def drop_and_show(servers: Servers, file: Path | None, out: Path | None) -> bool:
    """Drop a file, or a sample of 100 rows; save the report to `out` too. Says whether the run succeeded."""
    settings, stack = servers.settings, servers.stack
    store = ObjectStore(storage_client(settings))
    staged = _drop(store, stack.staging_bucket, file)
    click.echo(f"dropped {staged.uri}; waiting for its report …", err=True)
    report = _wait_for_report(stack, Outputs(store, stack.output_bucket), staged)
    text = json.dumps(report, indent=2, ensure_ascii=False)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    _show_rows(bigquery_client(settings), staged)
    click.echo(f"\n{report['status']}: {report['message']}")
    return bool(report["status"] == "success")


def _drop(store: ObjectStore, bucket: str, file: Path | None) -> StagedFile:
    if file is not None:
        return stage_file(store, bucket, file)
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder, "sample.parquet")
        pq.write_table(sample_table(), sample)
        return stage_file(store, bucket, sample)


def _wait_for_report(stack: Stack, outputs: Outputs, file: StagedFile) -> dict[str, Any]:
    deadline, changes = time.monotonic() + _REPORT_TIMEOUT_SECONDS, None
    while time.monotonic() < deadline:
        changes = wait_for_change(stack.storage, stack.output_bucket, changes)
        if report := outputs.read(Outputs.report(file), dict[str, Any]):
            return report
    raise click.ClickException(f"no report of {file.uri} after {_REPORT_TIMEOUT_SECONDS} s")


def _show_rows(client: bigquery.Client, file: StagedFile) -> None:
    config = bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter("run_id", "STRING", file.run_id)]
    )
    rows = list(client.query(_ROWS_QUERY, job_config=config).result())
    if not rows:
        return
    lines = [list(rows[0].keys()), *([_shown(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    click.echo(f"\nthe last rows of it in {client.project}.features.daily_ml_matrix:")
    for line in lines:
        click.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def _shown(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
