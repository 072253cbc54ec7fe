"""`python -m cbi log RUN_ID`."""

import click


@click.command()
@click.argument("run_id")
def log(run_id: str) -> None:
    """Show what was decided of the run RUN_ID, in order, and where it stands."""
    from cbi.ops.find_run import find_log
    from cbi.runs.log_words import log_in_words
    from cbi.runs.pipeline import IngestionPipeline

    click.echo("\n".join(log_in_words(find_log(IngestionPipeline(), run_id))))
