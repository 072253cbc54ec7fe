"""`python -m cbi replay RUN_ID`."""

import click

from cbi.cli.cloud import open_pipeline
from cbi.cli.options import json_option
from cbi.cli.output import echo_report
from cbi.cli.progress import progress, quiet_option


@click.command()
@click.argument("what", metavar="RUN_ID|gs://…/quarantine/….parquet")
@json_option
@quiet_option
def replay(what: str, as_json: bool) -> None:
    """Put a run's quarantined rows through again, or the parts that BigQuery refused; print the report.

    Useful once the regime calendar reaches further, or the table is corrected. Rows load once, however often
    they are replayed. Exits with 1 when the report says failed.
    """
    from cbi.ops.announce import announce
    from cbi.ops.replay import replay as run_replay

    with progress(f"replaying {what}"):
        pipeline = open_pipeline()
        report = announce(pipeline, run_replay(pipeline, what))
    echo_report(report, as_json)
    raise SystemExit(1 if report.failed else 0)
