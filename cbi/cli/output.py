"""What commands print: text for people on a terminal, JSON for machines anywhere else."""

import sys
from typing import TYPE_CHECKING, Any

import click

from cbi.encoding import indented

if TYPE_CHECKING:
    from rich.console import Console

    from cbi.runs.report import Report


def for_people(as_json: bool) -> bool:
    """Whether the output goes to a person, who has not asked for JSON."""
    return not as_json and sys.stdout.isatty()


def console(*, stderr: bool = False) -> "Console":
    """A terminal to print to. NO_COLOR keeps colours out of it: https://no-color.org"""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def program() -> str:
    """How the command line was called, to be used in advice."""
    return click.get_current_context().find_root().info_name or "cbi"


def echo_json(value: object) -> None:
    """Print a dataclass, or what JSON has a form for, as indented JSON."""
    click.echo(indented(value).decode())


def echo_report(report: "Report", as_json: bool, published: Any = None) -> None:
    """Print a report, to a machine just as it was published, where it was."""
    if not for_people(as_json):
        echo_json(published or report.as_written())
        return
    from cbi.view.terminal import report_text

    console().print(report_text(report, program()))
