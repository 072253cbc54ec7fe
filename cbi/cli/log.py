"""`python -m cbi log RUN_ID`."""

import click


@click.command()
@click.argument("run_id")
def log(run_id: str) -> None:
    """Show what was decided of the run RUN_ID, in order, and where it stands."""
    from cbi.errors import Misconfigured
    from cbi.runs.log_words import log_in_words
    from cbi.runs.pipeline import IngestionPipeline

    found = IngestionPipeline().runs.log_of(run_id)
    if found is None:
        raise Misconfigured(f"there is no run {run_id}; `python -m cbi runs` lists their ids")
    click.echo("\n".join(log_in_words(found)))
