"""`python -m cbi ingest FILE`."""

import click

from cbi.cli.options import feed_option, json_option
from cbi.cli.output import echo_report
from cbi.cli.progress import progress, quiet_option


@click.command()
@click.argument("file")
@feed_option
@click.option("--here", is_flag=True, help="Run it in this process, also where a function is deployed.")
@json_option
@quiet_option
def ingest(file: str, feed: str, here: bool, as_json: bool) -> None:
    """Load FILE, a local parquet file or a gs:// URI, and print its report.

    A local file is put in the staging bucket; where a function is deployed for that, its run is followed,
    otherwise the file is run from here, as one that is staged already. Exits with 1 when the report says
    failed.
    """
    from cbi.cli.cloud import open_pipeline
    from cbi.ops.announce import announce
    from cbi.ops.follow import follow, is_triggered

    with progress(f"connecting to run {file}") as tell:
        pipeline = open_pipeline()
        followed = not here and not file.startswith("gs://") and is_triggered(pipeline)
        tell(f"uploading {file}")
        staged = pipeline.stage(file, feed)
        if followed:
            tell(f"waiting for the function's report of {staged.uri}")
            report = follow(pipeline, staged)
        else:
            tell(f"running {staged.uri}")
            report = announce(pipeline, pipeline.ingest(staged))
    echo_report(report, as_json, pipeline.published(staged))
    raise SystemExit(1 if report.failed else 0)
