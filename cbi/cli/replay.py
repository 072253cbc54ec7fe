"""`python -m cbi replay RUN_ID`."""

import click


@click.command()
@click.argument("what", metavar="RUN_ID|gs://…/quarantine/….parquet")
def replay(what: str) -> None:
    """Put a run's quarantined rows through again, or the parts that BigQuery refused; print the report.

    Useful once the regime calendar reaches further, or the table is corrected. Rows load once, however often
    they are replayed. Exits with 1 when the report says failed.
    """
    from cbi.ops.replay import replay as run_replay
    from cbi.runs.pipeline import IngestionPipeline

    report = run_replay(IngestionPipeline(), what)
    click.echo(report.to_json())
    raise SystemExit(1 if report.failed else 0)
