"""`python -m cbi sweep`."""

import click

from cbi.cli.cloud import open_pipeline
from cbi.cli.options import json_option
from cbi.cli.output import echo_json, for_people
from cbi.cli.progress import progress, quiet_option


@click.command()
@json_option
@quiet_option
def sweep(as_json: bool) -> None:
    """Run staged files that should have a report and have none; print what was found. The function does the
    same when Cloud Scheduler asks it to."""
    from cbi.ops.sweep import sweep as run_sweep
    from cbi.wording import counted

    with progress("sweeping"):
        report = run_sweep(open_pipeline())
    if for_people(as_json):
        found = counted(report.found, "file", "files")
        click.echo(
            f"{found} without a report: {report.run} run now, {report.failed} failed, {report.left} left."
        )
        removed = counted(report.removed, "enriched file", "enriched files")
        recorded = counted(report.recorded, "report", "reports")
        click.echo(f"{removed} of finished runs removed, {recorded} recorded in ops.ingestion_runs.")
    else:
        echo_json(report)
    raise SystemExit(1 if report.failed else 0)
