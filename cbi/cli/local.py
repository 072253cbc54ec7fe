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
@click.option(
    "--port",
    type=click.IntRange(0, 65_000),
    default=9710,
    show_default=True,
    help="Of Cloud Storage; BigQuery and the function have the next two, the fourth is used inside. 0: any.",
)
def local(data_dir: Path, port: int) -> None:
    """Run everything on this machine: Cloud Storage, BigQuery, the function and its trigger.

    Prints one JSON line with the addresses when all is ready, then tells of each file as it goes, until
    Ctrl-C.
    """
    from cbi.local.processes import ProcessFailed
    from cbi.local.stack import serve

    try:
        serve(data_dir, port or None)
    except ProcessFailed as error:
        raise click.ClickException(str(error)) from error
