"""Measure everything, and put the table and the chart into README.md.

This process stays a small one, and leaves the work to others: see `measure._peak`.
"""

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import click

from bench.chart import draw
from bench.contest import Contest, hold_contest
from bench.files import Files
from bench.growth import grow_columns, grow_row_groups
from bench.imports import ROOT, compile_sources, measure_imports
from bench.latency import measure_latency
from bench.machine import this_machine
from bench.readme import as_markdown, replace_marked
from bench.results import Results

# For each repeat, as these are short.
_WARM_EVENTS = 20
_IMPORTS = 3

_BYTES_A_ROW = 240
_FILES_AT_ONCE = 3  # the file, what is made of it, and room to spare


def _numbers(context: click.Context, parameter: click.Parameter, value: str) -> list[int]:
    try:
        return sorted({int(number) for number in value.split(",")})
    except ValueError as error:
        raise click.BadParameter("wanted are whole numbers with commas between them") from error


@click.command()
@click.option("--rows", envvar="BENCH_ROWS", default="100000,1000000,10000000", callback=_numbers)
@click.option("--repeats", envvar="BENCH_REPEATS", default=5)
@click.option("--columns", default="44,444,1948", callback=_numbers)
@click.option("--row-groups", default="1,10,100,1000", callback=_numbers)
@click.option("--cache", type=click.Path(path_type=Path), default=ROOT / ".local/bench")
@click.option("--python", default=sys.executable, help="of an environment with just what is deployed")
@click.option("--readme", type=click.Path(path_type=Path), default=ROOT / "README.md")
@click.option("--chart", type=click.Path(path_type=Path), default=ROOT / "tests/bench/bench.svg")
def main(
    rows: list[int],
    repeats: int,
    columns: list[int],
    row_groups: list[int],
    cache: Path,
    python: str,
    readme: Path,
    chart: Path,
) -> None:
    """Measure all ways side by side, the function's latency, and how time grows."""
    _check_room(cache, max(rows))
    files = Files.below(cache)
    click.echo("the function, warm and cold …")
    compile_sources(python)
    latency = measure_latency(python, _WARM_EVENTS * repeats, repeats)
    imports = measure_imports(python, _IMPORTS * repeats)
    click.echo("more columns, more row groups …")
    growths = (grow_columns(files, columns, repeats), grow_row_groups(files, row_groups, repeats))
    contests = []
    for count in rows:
        click.echo(f"{count:,} rows …")
        contests.append(hold_contest(files, count, repeats))
        _tell(contests[-1])
    results = Results(this_machine(), repeats, tuple(contests), growths, latency, imports)
    (cache / "results.json").write_text(json.dumps(asdict(results), indent=1))
    chart.write_text(draw(results.contests, results.growths), encoding="utf-8")
    shown = chart.relative_to(readme.parent)
    text = replace_marked(readme.read_text(encoding="utf-8"), as_markdown(results, shown))
    readme.write_text(text, encoding="utf-8")
    click.echo(f"{readme} and {chart} are new; every number is in {cache / 'results.json'}")


def _check_room(cache: Path, rows: int) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    wanted, free = _FILES_AT_ONCE * _BYTES_A_ROW * rows, shutil.disk_usage(cache).free
    if free < wanted:
        raise click.ClickException(
            f"{rows:,} rows need {wanted / 1e9:.0f} GB in {cache}, which has {free / 1e9:.0f} GB: "
            "set BENCH_ROWS to less"
        )


def _tell(contest: Contest) -> None:
    for entry in contest.entries:
        best = entry.best
        click.echo(
            f"  {entry.way.title:<30} {entry.rows_per_second:>14,.0f} rows/s {best.seconds:>8.3f} s "
            f"{best.peak_bytes / 1e6:>6.0f} MB, {contest.ratio(entry):.2f} times the fastest competitor"
        )


if __name__ == "__main__":
    main()
