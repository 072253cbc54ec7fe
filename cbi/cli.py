"""The command line. What it needs of the package is imported by the command that needs it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cbi.contract.feed import DEFAULT_FEED
from cbi.errors import CbiError
from cbi.telemetry.logs import configure_logging

if TYPE_CHECKING:
    from cbi.lookups.regime_calendar import RegimeCalendar

_FEED = click.option(
    "--feed", default=DEFAULT_FEED, show_default=True, help="The contract that a local FILE belongs to."
)


class _ErrorsAsMessages(click.Group):
    """Shows this package's errors as one line: what was found, what was wanted, what to do."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CbiError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_ErrorsAsMessages)
def main() -> None:
    """Parquet files into BigQuery: validated, enriched with market regimes, each row exactly once.

    The commands read the same environment as the function; README.md lists it.
    """
    configure_logging()


@main.command()
@click.argument("file")
@_FEED
def ingest(file: str, feed: str) -> None:
    """Load FILE, a local parquet file or a gs:// URI, and print its report.

    A local file is put in the staging bucket first, then goes the same way. Exits with 1 when the report
    says failed.
    """
    from cbi.runs.pipeline import IngestionPipeline

    pipeline = IngestionPipeline()
    staged = pipeline.stage(file, feed)
    report = pipeline.ingest(staged)
    click.echo(json.dumps(pipeline.published(staged), indent=2, ensure_ascii=False))
    raise SystemExit(1 if report.failed else 0)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_FEED
def check(file: Path, feed: str) -> None:
    """Validate the local FILE without any cloud, and print what its report would say.

    The regimes are those of the package's regimes.yaml. Exits with 1 when the file would fail.
    """
    from cbi.ops.check import check_file

    verdict = check_file(file, feed)
    click.echo(json.dumps(verdict, indent=2, ensure_ascii=False))
    raise SystemExit(0 if verdict["status"] == "success" else 1)


@main.command()
def init() -> None:
    """Make the datasets and tables that are missing, and fill new regime tables. Safe to repeat."""
    from cbi.ops.init import initialise
    from cbi.settings import Settings

    made = initialise(Settings.from_environment())
    click.echo("\n".join(f"made {name}" for name in made) or "everything is there already")


@main.command()
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another regimes file than the package's.",
)
@click.option("--apply", is_flag=True, help="Replace the calendar and the weights in BigQuery by these.")
def regimes(file: Path | None, apply: bool) -> None:
    """Show the market regimes of regimes.yaml; gaps and overlaps are refused."""
    from cbi.lookups.regime_calendar import load_regimes_file

    calendar = load_regimes_file(file) if file else load_regimes_file()
    _show_regimes(calendar)
    if apply:
        from cbi.ops.init import apply_regimes
        from cbi.settings import Settings

        apply_regimes(Settings.from_environment(), calendar)
        click.echo("applied")


@main.command()
def sweep() -> None:
    """Run staged files that should have a report and have none; print what was found. The function does the
    same when Cloud Scheduler asks it to."""
    from cbi.jsonable import to_jsonable
    from cbi.ops.sweep import sweep as run_sweep
    from cbi.runs.pipeline import IngestionPipeline

    report = run_sweep(IngestionPipeline())
    click.echo(json.dumps(to_jsonable(report), indent=2))
    raise SystemExit(1 if report.failed else 0)


@main.command()
@click.argument("what", metavar="RUN_ID|gs://…/quarantine/….parquet")
def replay(what: str) -> None:
    """Put a run's quarantined rows through again, or the parts that BigQuery refused; print the report.

    Useful once the regime calendar reaches further, or the table is mended. Rows load once, however often
    they are replayed. Exits with 1 when the report says failed.
    """
    from cbi.ops.replay import replay as run_replay
    from cbi.runs.pipeline import IngestionPipeline

    report = run_replay(IngestionPipeline(), what)
    click.echo(report.to_json())
    raise SystemExit(1 if report.failed else 0)


@main.command()
@click.argument("run_id")
def undo(run_id: str) -> None:
    """Remove from the table exactly the rows that the run RUN_ID loaded, and print what was removed.

    Afterwards the same bytes may be dropped again.
    """
    from cbi.jsonable import to_jsonable
    from cbi.ops.undo import undo as run_undo
    from cbi.runs.pipeline import IngestionPipeline

    click.echo(json.dumps(to_jsonable(run_undo(IngestionPipeline(), run_id)), indent=2))


@main.command()
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


def _show_regimes(calendar: "RegimeCalendar") -> None:
    for each in calendar.ranges:
        regime = each.regime
        click.echo(f"{each.first}  {each.last}  {each.days:5d} days  {regime.weight:5d}  {regime.name}")
    click.echo(f"{calendar.rows} days from {calendar.min_date} to {calendar.max_date}")
