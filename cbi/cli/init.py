"""`python -m cbi init`."""

import click


@click.command()
def init() -> None:
    """Make the datasets and tables that are missing, and fill new regime tables. Safe to repeat."""
    from cbi.ops.init import initialise
    from cbi.settings import Settings

    made = initialise(Settings.from_environment())
    click.echo("\n".join(f"made {name}" for name in made) or "everything is there already")
