"""A report, and what else commands tell, as text with colours for a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cbi.findings import ValidationReport
from cbi.runs.report import Report
from cbi.view.facts import STEPS, Facts, file_facts, report_facts
from cbi.view.next_steps import PROGRAM, next_steps
from cbi.view.runs import columns
from cbi.wording import counted, duration

_SHOWN_WARNINGS = 3

_MARKS = {"success": ("✔", "bold green"), "failed": ("✘", "bold red"), "skipped": ("–", "bold yellow")}


def report_text(report: Report, program: str = PROGRAM, *, undone: bool = False) -> RenderableType:
    """A run in some ten lines: how it ended, what it did, its warnings, and what to do next."""
    steps = next_steps(report, program, undone=undone)
    return _outcome(report.status, report.message, report_facts(report), report.warnings, steps)


def verdict_text(
    status: str, message: str, found: ValidationReport, warnings: Sequence[str]
) -> RenderableType:
    """What a look at a file alone found."""
    return _outcome(status, message, file_facts(found), warnings)


def _outcome(
    status: str, message: str, facts: Facts, warnings: Sequence[str], steps: Iterable[str] = ()
) -> RenderableType:
    """A verdict with its message, facts by label, warnings, and what to do."""
    mark, style = _MARKS[status]
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    for label, text in facts:
        lines.add_row(f"  {label}", Text(text))
    for text in warnings[:_SHOWN_WARNINGS]:
        lines.add_row(Text("  warning", "yellow"), Text(text))
    if (more := len(warnings) - _SHOWN_WARNINGS) > 0:
        lines.add_row("", Text(f"and {counted(more, 'warning', 'warnings')} more; --json shows all", "dim"))
    for text in steps:
        lines.add_row(Text("  next", "cyan"), _with_commands(text))
    return Group(Text.assemble((f"{mark} {status}", style), ": ", message), lines)


def brief_text(report: Report) -> RenderableType:
    """A run's verdict and what was found in the file, for who has just seen its steps."""
    steps = next_steps(report) if report.failed else ()
    return _outcome(
        report.status, report.message, file_facts(report.validation_report), report.warnings, steps
    )


def done_text(what: str, seconds: float) -> RenderableType:
    """A step that is done, and how long it took."""
    return Text.assemble(("✔ ", "green"), what, ("  " + duration(seconds), "dim"))


def steps_text(report: Report) -> RenderableType:
    """The steps of a run, each with its time, in the order they ended."""
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column()
    lines.add_column(justify="right", style="dim")
    for step, seconds in report.timings.items():
        lines.add_row(f"    {STEPS.get(step, step)}", duration(seconds))
    return lines


def rows_text(names: Sequence[str], rows: Iterable[Sequence[object]]) -> RenderableType:
    """Rows of a table: numbers to the right, NULL in grey."""
    cells = [[_cell(value) for value in row] for row in rows]
    table = columns(*names)
    for number, column in enumerate(table.columns):
        if cells and all(row[number].justify == "right" for row in cells):
            column.justify = "right"
    for row in cells:
        table.add_row(*row)
    return table


def _cell(value: object) -> Text:
    if value is None:
        return Text("NULL", "dim", justify="right")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Text(str(value))
    return Text(f"{value:.6g}" if isinstance(value, float) else str(value), justify="right")


def _with_commands(sentence: str) -> Text:
    """A sentence whose `commands` stand out."""
    parts = sentence.split("`")
    return Text.assemble(*((part, "bold" if number % 2 else "") for number, part in enumerate(parts)))
