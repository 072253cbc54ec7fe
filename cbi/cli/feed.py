"""`python -m cbi feed …`: contracts made, compared and checked."""

from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def feed() -> None:
    """Make the contract of a feed from files, and see how it fits others."""


@feed.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=_FILE)
@click.option("--table", required=True, metavar="DATASET.TABLE", help="The table that rows go to.")
@click.option(
    "--key",
    multiple=True,
    metavar="COLUMN",
    help="A column of the key; give it again, or separate by commas, for more.",
)
@click.option("--partition-by", metavar="COLUMN", help="The column that says which day a row belongs to.")
@click.option("--flat", is_flag=True, help="Make no STRUCTs of columns with a common prefix.")
def new(
    files: tuple[Path, ...], table: str, key: tuple[str, ...], partition_by: str | None, flat: bool
) -> None:
    """Print a contract for local parquet FILEs, to be read and saved as cbi/feeds/NAME.yaml.

    Types, the key, the date and the rest are guessed from all rows; what was guessed stands in comments.
    Columns are named as in the files.
    """
    from cbi.authoring.new_feed import Wishes, make_feed
    from cbi.lookups.regime_calendar import load_regimes_file

    columns = tuple(column.strip() for text in key for column in text.split(","))
    made = make_feed(files, Wishes(table, columns, partition_by, flat), load_regimes_file())
    click.echo(made.text, nl=False)
    for warning in made.warnings:
        click.echo(f"warning: {warning}", err=True)
