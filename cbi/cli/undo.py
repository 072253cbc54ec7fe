"""`python -m cbi undo RUN_ID`."""

import click

from cbi.cli.cloud import open_pipeline
from cbi.cli.options import json_option
from cbi.cli.output import echo_json, for_people
from cbi.cli.progress import progress, quiet_option


@click.command()
@click.argument("run_id")
@json_option
@quiet_option
def undo(run_id: str, as_json: bool) -> None:
    """Remove from the table exactly the rows that the run RUN_ID loaded, and print what was removed.

    Afterwards the same bytes may be dropped again.
    """
    from cbi.ops.undo import undo as run_undo
    from cbi.wording import counted

    with progress(f"deleting the rows of {run_id}"):
        done = run_undo(open_pipeline(), run_id)
    if not for_people(as_json):
        return echo_json(done)
    rows = counted(done.rows_deleted, "row is", "rows are")
    click.echo(f"{rows} taken out of {done.table}, of {done.rows_loaded:,} that {done.uri} had loaded.")
    click.echo("The same bytes may be dropped again.")
