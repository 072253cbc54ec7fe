"""`python -m cbi regimes`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cbi.lookups.regime_calendar import RegimeCalendar, RegimeRange

_apply_option = click.option(
    "--apply", is_flag=True, help="Replace the calendar and the weights in BigQuery by these."
)


@click.group(invoke_without_command=True)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another regimes file than the package's.",
)
@_apply_option
@click.pass_context
def regimes(context: click.Context, file: Path | None, apply: bool) -> None:
    """Show the market regimes of regimes.yaml; gaps and overlaps are refused."""
    if context.invoked_subcommand is not None:
        return
    from cbi.lookups.regime_calendar import load_regimes_file

    calendar = load_regimes_file(file)
    _show(calendar)
    if apply:
        _apply(calendar)


@regimes.command("import")
@click.argument("source", metavar="FILE|TABLE")
@_apply_option
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the calendar as a regimes file, which the other commands read.",
)
def import_calendar(source: str, apply: bool, save: Path | None) -> None:
    """Take a calendar from a parquet or CSV FILE, or from dataset.table of BigQuery; show what it changes.

    Its rows are days (`date`, `regime`) or ranges (`from`, `to`, `regime`), with a `weight` where a regime is
    new. Days of one regime become a range; weekends belong to the regime before. Overlaps and longer gaps are
    refused.
    """
    from datetime import UTC, datetime

    from cbi.lookups.regime_calendar import load_regimes_file
    from cbi.ops.import_regimes import calendar_text, import_regimes, read_table
    from cbi.settings import Settings

    known = load_regimes_file()
    table = read_table(source, Settings.from_environment())
    imported = import_regimes(table, known, datetime.now(UTC).date())
    before, after = list(map(_line, known.ranges)), list(map(_line, imported.calendar.ranges))
    for line in [*(f"- {line}" for line in before if line not in after)]:
        click.echo(line)
    for line in after:
        click.echo(f"{' ' if line in before else '+'} {line}")
    click.echo(f"{imported.filled_days} days without a row have the regime before")
    for warning in imported.warnings:
        click.echo(f"warning: {warning}", err=True)
    if save is not None:
        save.write_text(calendar_text(imported.calendar), encoding="utf-8")
    if apply:
        _apply(imported.calendar)


def _apply(calendar: "RegimeCalendar") -> None:
    from cbi.ops.init import apply_regimes
    from cbi.settings import Settings

    apply_regimes(Settings.from_environment(), calendar)
    click.echo("applied")


def _show(calendar: "RegimeCalendar") -> None:
    for each in calendar.ranges:
        click.echo(_line(each))
    click.echo(f"{calendar.rows} days from {calendar.min_date} to {calendar.max_date}")


def _line(period: "RegimeRange") -> str:
    regime = period.regime
    return f"{period.first}  {period.last}  {period.days:5d} days  {regime.weight:5d}  {regime.name}"
