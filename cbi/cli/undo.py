"""`python -m cbi undo RUN_ID`."""

import click

from cbi.cli.options import echo_json


@click.command()
@click.argument("run_id")
def undo(run_id: str) -> None:
    """Remove from the table exactly the rows that the run RUN_ID loaded, and print what was removed.

    Afterwards the same bytes may be dropped again.
    """
    from cbi.ops.undo import undo as run_undo
    from cbi.runs.pipeline import IngestionPipeline

    echo_json(run_undo(IngestionPipeline(), run_id))
