"""`python -m cbi feed …`: contracts made, compared and checked."""

from pathlib import Path

import click

from cbi.cli.options import feed_option

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


@feed.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=_FILE)
@feed_option
def diff(files: tuple[Path, ...], feed: str) -> None:
    """Show how local parquet FILEs differ from the contract of their feed.

    `+` is a column that the contract does not have, `-` one that a file lacks, `!` one that does not fit.
    Exits with 1 when there is any difference.
    """
    from cbi.authoring.difference import compare_files
    from cbi.contract.catalog import load_staged_feed
    from cbi.lookups.regime_calendar import load_regimes_file

    lines = list(compare_files(files, load_staged_feed(feed), load_regimes_file()).lines)
    click.echo("\n".join(lines) or "no difference")
    raise SystemExit(1 if lines else 0)


@feed.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=_FILE)
@feed_option
def evolve(files: tuple[Path, ...], feed: str) -> None:
    """Add the columns that local parquet FILEs have gained to the contract of their feed.

    The contract's file is written, with its comments and its order; new fields are NULLABLE and come last.
    Nothing is changed or removed: what would have to be is named. `init` then adds them to the table.
    """
    from cbi.authoring.difference import compare_files
    from cbi.authoring.evolve import evolve as evolve_contract
    from cbi.contract.catalog import load_staged_feed, writable_feed_file
    from cbi.lookups.regime_calendar import load_regimes_file

    contract = load_staged_feed(feed)
    difference = compare_files(files, contract, load_regimes_file())
    file = writable_feed_file(feed)
    evolved = evolve_contract(file.read_bytes().decode(), contract, difference)
    if evolved.added:
        file.write_bytes(evolved.text.encode())
    lines = [*(f"added {path}" for path in evolved.added), *evolved.refused]
    click.echo("\n".join(lines) or "the contract has all columns already")


@feed.command()
def check() -> None:
    """Check all contracts; exits with 1 and names every mistake by file and line where there is one."""
    from cbi.contract.catalog import contract_files
    from cbi.contract.parse import find_mistakes

    files = contract_files()
    mistakes = [mistake for file in files for mistake in find_mistakes(file)]
    click.echo("\n".join(mistakes) or f"all {len(files)} contracts are sound")
    raise SystemExit(1 if mistakes else 0)
