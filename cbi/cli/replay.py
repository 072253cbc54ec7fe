"""`python -m cbi replay RUN_ID`."""

import click

from cbi.cli.options import json_option
from cbi.cli.output import echo_report


@click.command()
@click.argument("what", metavar="RUN_ID|gs://…/quarantine/….parquet")
@json_option
def replay(what: str, as_json: bool) -> None:
    """Put a run's quarantined rows through again, or the parts that BigQuery refused; print the report.

    Useful once the regime calendar reaches further, or the table is corrected. Rows load once, however often
    they are replayed. Exits with 1 when the report says failed.
    """
    from cbi.ops.replay import replay as run_replay
    from cbi.runs.pipeline import IngestionPipeline

    report = run_replay(IngestionPipeline(), what)
    echo_report(report, as_json)
    raise SystemExit(1 if report.failed else 0)
