"""`python -m cbi init`."""

import click


@click.command()
def init() -> None:
    """Make the datasets, tables and columns that are missing, and fill new regime tables. Safe to repeat.

    Names what it made and added, and where else a table differs from its contract. It changes or removes
    nothing that is there.
    """
    from cbi.ops.init import initialise
    from cbi.settings import Settings

    done = initialise(Settings.from_environment())
    click.echo("\n".join(done.lines) or "everything is there already")
