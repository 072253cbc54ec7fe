"""The command line: one file a command, imported when the command is asked for.

A new command is a file `cbi/cli/NAME.py` with a click command called NAME, and its line in COMMANDS (with -
where NAME has _). It
imports what it needs of the package inside its function, so that `--help` and the other commands stay quick.
"""

from importlib import import_module
from typing import Any

import click

import cbi
from cbi.errors import CbiError
from cbi.settings import Settings, debugging, feeds_folder
from cbi.telemetry.logs import configure_logging

COMMANDS = (
    "ingest",
    "check",
    "init",
    "feed",
    "regimes",
    "sweep",
    "replay",
    "undo",
    "runs",
    "show",
    "status",
    "doctor",
    "query",
    "give-up",
    "log",
    "integration",
    "local",
)


def module_name(command: str) -> str:
    """What the module of a command is called, and the function in it."""
    return command.replace("-", "_")


class _Commands(click.Group):
    """Imports commands on demand, and shows this package's errors as one line: what was found, what was
    wanted, what to do. With CBI_DEBUG=1 they keep their traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = module_name(cmd_name)
        command: click.Command = getattr(import_module(f"cbi.cli.{name}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CbiError as error:
            if debugging():
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(cbi.__version__, prog_name="cbi")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Parquet files into BigQuery: validated, enriched with market regimes, each row exactly once.

    The commands read the same environment as the function; README.md lists it.
    """
    configure_logging()
    if ctx.invoked_subcommand == "doctor":  # looks itself at whether contracts can be fetched
        return
    if (feeds_folder() or "").startswith("gs://"):
        from cbi.runs.fetched_feeds import fetch_feeds

        fetch_feeds(Settings.from_environment())
