"""`python -m cbi local`."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".local"),
    show_default=True,
    help="Where buckets, tables and logs are kept.",
)
def local(data_dir: Path) -> None:
    """Run everything on this machine: Cloud Storage, BigQuery, the function and its trigger.

    Prints one JSON line with the addresses when all is ready, and runs until Ctrl-C.
    """
    from cbi.local.processes import ProcessFailed
    from cbi.local.stack import serve

    try:
        serve(data_dir)
    except ProcessFailed as error:
        raise click.ClickException(str(error)) from error
