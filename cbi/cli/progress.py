"""What is going on, told on standard error: a line that moves on a terminal, plain lines elsewhere."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

_log = logging.getLogger("cbi")

Tell = Callable[[str], None]


def _be_quiet(_: click.Context, __: click.Parameter, quiet: bool) -> None:
    if quiet:
        _log.setLevel(logging.WARNING)


quiet_option = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    expose_value=False,
    callback=_be_quiet,
    help="Say nothing but the result, warnings and errors.",
)


@contextmanager
def progress(what: str) -> Iterator[Tell]:
    """Tell what is going on until the block ends; the block may say that it is something else by now.

    On a terminal it is one line with a clock, which the steps of a run change, too.
    """
    if not _log.isEnabledFor(logging.INFO):
        yield lambda text: None
    elif not sys.stderr.isatty():
        click.echo(f"{what} …", err=True)
        yield lambda text: click.echo(f"{text} …", err=True)
    else:
        with _moving_line(what) as tell:
            yield tell


@contextmanager
def _moving_line(what: str) -> Iterator[Tell]:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from cbi.cli.output import console

    columns = (SpinnerColumn(), TextColumn("{task.description} …", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as line:
        task = line.add_task(what)

        def tell(text: str) -> None:
            line.update(task, description=text)

        handlers, _log.handlers = _log.handlers, [_Steps(tell, line.console.print)]
        try:
            yield tell
        finally:
            _log.handlers = handlers


class _Steps(logging.Handler):
    """The step that was last done, and whatever is worse than that, instead of a log's lines."""

    def __init__(self, tell: Tell, show: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", {})
        if record.levelno >= logging.WARNING and fields.get("event") != "run_finished":
            self._show(record.getMessage())
        elif fields.get("event") == "step_done":
            self._tell(f"{fields['step']} done")
