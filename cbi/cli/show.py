"""`python -m cbi show RUN`."""

import click

from cbi.cli.cloud import open_pipeline
from cbi.cli.options import json_option
from cbi.cli.output import console, echo_json, for_people, program


@click.command()
@click.argument("run", metavar="RUN_ID|FILE")
@click.option("--html", is_flag=True, help="Print the run's page instead, as it is beside its report.")
@json_option
def show(run: str, html: bool, as_json: bool) -> None:
    """Show what became of a run, by its id or by its file's name; of a file the newest run.

    FILE is x.parquet, staged/x.parquet or its gs:// URI.
    """
    from cbi.ops.find_run import find_report, find_undo

    pipeline = open_pipeline()
    report = find_report(pipeline, run)
    if html:
        from cbi.view.page import report_page

        return click.echo(report_page(report))
    if not for_people(as_json):
        return echo_json(report.as_written())
    from cbi.view.terminal import report_text
    from cbi.wording import counted

    undone = find_undo(pipeline, report.run_id)
    console().print(report_text(report, program(), undone=undone is not None))
    if undone is not None:
        rows = counted(undone.rows_deleted, "row was", "rows were")
        click.echo(f"  undone   {rows} taken out again at {undone.at:%Y-%m-%d %H:%M:%S} UTC")
    return None
