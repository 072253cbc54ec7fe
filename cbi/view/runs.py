"""Lists of runs as text for a terminal."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from cbi.runs.history import HistoryEntry
from cbi.wording import duration

STYLES = {"success": "green", "failed": "red", "skipped": "yellow"}


def columns(*names: str, right: Iterable[str] = (), whole: Iterable[str] = ()) -> Table:
    """A table without lines; the columns in `right` hold numbers, and those in `whole` are never broken."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in names:
        justify: JustifyMethod = "right" if name in right else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name in whole)
    return table


def ago(moment: datetime, now: datetime) -> str:
    """`4 min ago`, `3 days ago`: how long it is since something."""
    seconds = max(0.0, (now - moment).total_seconds())
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago" if seconds >= 60 else f"{seconds:.0f} s ago"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h ago"
    return f"{seconds / 86_400:.0f} days ago"


def runs_text(entries: Iterable[HistoryEntry], now: datetime) -> RenderableType:
    """Runs, a line each: when, how it ended, rows, the file, and the id to ask on with."""
    numbers = ("loaded", "quarantined", "took")
    table = columns(
        "when", "status", *numbers, "file", "run", right=numbers, whole=("status", *numbers, "run")
    )
    for entry in entries:
        table.add_row(
            ago(entry.finished_at, now),
            Text(entry.reason or entry.status, STYLES[entry.status]),
            f"{entry.rows_loaded:,}",
            f"{entry.rows_skipped:,}" if entry.rows_skipped else "",
            duration(entry.duration_seconds),
            Text(entry.name),
            Text(entry.run_id, "dim"),
        )
    return table
