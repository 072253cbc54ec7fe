"""What checks that the footer proves cost a splice: python -m bench.checks FILE (of bench.data's)."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
from msgspec import structs

from bench.task import Task, make_task
from bench.ways.splice import run
from cbi.checks.validation import validate
from cbi.expectations.bounds import Bounds
from cbi.expectations.finite import Finite
from cbi.parquet.flat_file import FlatFile

_PRICES = ("open", "high", "low", "close")


@click.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--repeats", default=11)
def main(file: Path, repeats: int) -> None:
    """Print the processor time that a splice takes with and without checks, the least of some repeats."""
    with tempfile.TemporaryDirectory() as folder:
        task = make_task(file, Path(folder) / "nested.parquet")
        floats = tuple(name for name, leaf in task.feed.sources.items() if leaf.field.type == "FLOAT64")
        tasks = {
            "no checks": task,
            "prices finite and above 0": _checked(task, _PRICES),
            "all numbers finite and above -1": _checked(task, floats),
        }
        for each in tasks.values():
            _prove(each)
        seconds = {name: float("inf") for name in tasks}
        for _ in range(repeats + 1):  # they take turns, as the machine has other things to do, too
            for name, each in tasks.items():
                start = time.process_time()
                run(each)
                seconds[name] = min(seconds[name], time.process_time() - start)
    without = seconds["no checks"]
    for name, taken in seconds.items():
        click.echo(f"{name}: {taken * 1000:.1f} ms ({taken / without - 1:+.1%})")


def _checked(task: Task, columns: tuple[str, ...]) -> Task:
    finite, bounds = Finite(columns=columns), Bounds(columns=columns, above=-1 if len(columns) > 4 else 0)
    checks = structs.replace(task.feed.checks, finite=(finite,), bounds=(bounds,))
    return replace(task, feed=structs.replace(task.feed, checks=checks))


def _prove(task: Task) -> None:
    """See that the footer proves all checks of a task."""
    with task.source.open("rb") as content:

        def read(start: int, length: int) -> bytes:
            return os.pread(content.fileno(), length, start)

        found = validate(FlatFile(read, task.source.stat().st_size), task.feed, task.calendar)
    assert all(check.proved_by_footer for check in found.report.checks)


if __name__ == "__main__":
    main()
