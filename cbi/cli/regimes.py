"""`python -m cbi regimes`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cbi.lookups.regime_calendar import RegimeCalendar


@click.command()
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another regimes file than the package's.",
)
@click.option("--apply", is_flag=True, help="Replace the calendar and the weights in BigQuery by these.")
def regimes(file: Path | None, apply: bool) -> None:
    """Show the market regimes of regimes.yaml; gaps and overlaps are refused."""
    from cbi.lookups.regime_calendar import load_regimes_file

    calendar = load_regimes_file(file)
    _show(calendar)
    if apply:
        from cbi.ops.init import apply_regimes
        from cbi.settings import Settings

        apply_regimes(Settings.from_environment(), calendar)
        click.echo("applied")


def _show(calendar: "RegimeCalendar") -> None:
    for each in calendar.ranges:
        regime = each.regime
        click.echo(f"{each.first}  {each.last}  {each.days:5d} days  {regime.weight:5d}  {regime.name}")
    click.echo(f"{calendar.rows} days from {calendar.min_date} to {calendar.max_date}")
