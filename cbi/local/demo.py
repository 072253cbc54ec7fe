"""`make run`: a file dropped in the local bucket, and what comes of it.

python -m cbi.local.demo [--file x.parquet] [--out report.json]
"""

import json
import os
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
from cbi.local.stack import Stack, running_servers
from cbi.ops.init import initialise
from cbi.runs.staging import stage_file
from cbi.settings import Settings

_REPORT_TIMEOUT_SECONDS = 600

_ROWS_QUERY = """
SELECT symbol, data_date, regime.name AS regime, regime.weight AS weight, market_data.close AS close,
       pivots.P AS P, policy.trump_score AS trump_score
FROM `features.daily_ml_matrix`
WHERE run_id = @run_id
ORDER BY data_date DESC, symbol
LIMIT 5
"""


@click.command()
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="What to drop.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to save the report too.")
def main(file: Path | None, out: Path | None) -> None:
    """Start the local stack, drop FILE or a sample of 100 rows, and show the report and a few rows."""
    with tempfile.TemporaryDirectory(prefix="cbi-") as folder:
        if file is None:
            file = Path(folder, "sample.parquet")
            pq.write_table(sample_table(), file)
        click.echo("starting Cloud Storage, BigQuery and the function on this machine …", err=True)
        with running_servers(Path(folder, "stack"), with_tables=False) as servers:
            os.environ.update(servers.stack.environment())
            # here, where the clients are loaded already, and not in a process that takes a second to start
            initialise(Settings.from_environment())
            succeeded = _drop(servers.stack, file, out)
    raise SystemExit(0 if succeeded else 1)


def _drop(stack: Stack, file: Path, out: Path | None) -> bool:
    settings = Settings.from_environment()
    store = ObjectStore(storage_client(settings))
    staged = stage_file(store, stack.staging_bucket, file)
    click.echo(f"dropped {staged.uri}; waiting for its report …", err=True)
    report = _wait_for_report(Outputs(store, stack.output_bucket), staged)
    text = json.dumps(report, indent=2, ensure_ascii=False)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    _show_rows(bigquery_client(settings), staged)
    click.echo(f"\n{report['status']}: {report['message']}")
    return bool(report["status"] == "success")


def _wait_for_report(outputs: Outputs, file: StagedFile) -> dict[str, Any]:
    deadline = time.monotonic() + _REPORT_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if report := outputs.read(Outputs.report(file), dict[str, Any]):
            return report
        time.sleep(0.1)
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


if __name__ == "__main__":
    main(prog_name="python -m cbi.local.demo")
