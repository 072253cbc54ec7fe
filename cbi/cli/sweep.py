"""`python -m cbi sweep`."""

import click

from cbi.cli.options import echo_json


@click.command()
def sweep() -> None:
    """Run staged files that should have a report and have none; print what was found. The function does the
    same when Cloud Scheduler asks it to."""
    from cbi.ops.sweep import sweep as run_sweep
    from cbi.runs.pipeline import IngestionPipeline

    report = run_sweep(IngestionPipeline())
    echo_json(report)
    raise SystemExit(1 if report.failed else 0)
