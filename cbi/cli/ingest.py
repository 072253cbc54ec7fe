"""`python -m cbi ingest FILE`."""

import click

from cbi.cli.options import feed_option, json_option
from cbi.cli.output import echo_report


@click.command()
@click.argument("file")
@feed_option
@json_option
def ingest(file: str, feed: str, as_json: bool) -> None:
    """Load FILE, a local parquet file or a gs:// URI, and print its report.

    A local file is put in the staging bucket first, then goes the same way. Exits with 1 when the report
    says failed.
    """
    from cbi.runs.pipeline import IngestionPipeline

    pipeline = IngestionPipeline()
    staged = pipeline.stage(file, feed)
    report = pipeline.ingest(staged)
    echo_report(report, as_json, pipeline.published(staged))
    raise SystemExit(1 if report.failed else 0)
