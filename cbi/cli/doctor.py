"""`python -m cbi doctor`."""

from typing import TYPE_CHECKING

import click

from cbi.cli.options import json_option
from cbi.cli.output import console, echo_json, for_people

if TYPE_CHECKING:
    from cbi.ops.doctor.examine import Line

_MARKS = {
    "ok": ("✔", "green"),
    "warning": ("!", "yellow"),
    "red": ("✘", "bold red"),
    "unknown": ("?", "dim"),
}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Look whether the deployment is well: a line for each thing, and what to run where it is not.

    Looks at settings, buckets, permissions, contracts, tables, the calendar, quotas, runs and sweeps, changes
    nothing, and takes ten seconds at most. Exits with 1 where a line is red.
    """
    from cbi.ops.doctor.deployment import Deployment
    from cbi.ops.doctor.examine import examine

    lines = examine(Deployment())
    if for_people(as_json):
        _print(lines)
    else:
        echo_json(lines)
    raise SystemExit(1 if any(line.mark == "red" for line in lines) else 0)


def _print(lines: "list[Line]") -> None:
    from rich.table import Table
    from rich.text import Text

    shown = Table.grid(padding=(0, 2, 0, 0))
    for line in lines:
        mark, style = _MARKS[line.mark]
        shown.add_row(Text(mark, style), line.check, Text(line.found))
        if line.fix:
            shown.add_row("", "", Text(f"→ {line.fix}", "cyan"))
    console().print(shown)
