"""What README.md says of the measurements, between two marks."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import units
from bench.contest import WAYS, Contest, Entry, Role
from bench.growth import Growth
from bench.imports import Imports
from bench.latency import Latency
from bench.machine import Machine
from bench.results import Results

_MARKED = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->)", re.DOTALL)
_TOLD_STEPS = 4


def replace_marked(text: str, content: str) -> str:
    """Put the content between the marks. Raises ValueError where they are missing."""
    replaced, count = _MARKED.subn(lambda match: f"{match[1]}{content}{match[2]}", text)
    if count != 1:
        raise ValueError(f"found {count} pairs of <!-- bench --> and <!-- /bench -->, and wanted one")
    return replaced


def as_markdown(results: Results, chart: Path) -> str:
    """Everything that goes between the marks; `chart` is where the chart is from there."""
    lines = [
        f"Measured on {_machine(results.machine)}; the best of {results.repeats}.",
        "",
        f"![Rows a second of each way, and how time grows]({chart.as_posix()})",
        "",
        *_contest_table(results.contests),
        "",
        *_latency_lines(results.latency, results.imports),
        "",
        *_growth_table(results.growths),
    ]
    return "\n".join(lines) + "\n"


def _machine(machine: Machine) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    memory = round(machine.memory_bytes / 2**30)
    return f"{machine.processor}, {machine.cores} cores, {memory} GiB of memory, {machine.system}; {versions}"


def _contest_table(contests: Sequence[Contest]) -> Iterator[str]:
    """Rows a second for each file; of the largest, what else was taken."""
    largest = contests[-1]
    sizes = [f"{units.count(contest.rows)} rows" for contest in contests]
    yield f"| rows a second, file of | {' | '.join(sizes)} | memory | read | written or uploaded |"
    yield f"|---|{'--:|' * (len(sizes) + 3)}"
    for way in WAYS:
        cells = [_speed(contest, contest.of(way)) for contest in contests]
        best = largest.of(way).best
        read = "" if best.read_bytes is None else units.size(best.read_bytes)
        cells += [units.size(best.peak_bytes), read, units.size(best.written_bytes)]
        title = f"**{way.title}**" if way.role is Role.OURS else way.title
        if way.most_rows is not None and way.most_rows < largest.rows:
            title += f" (on {units.count(way.most_rows)} rows)"
        yield f"| {title} | {' | '.join(cells)} |"
    yield ""
    yield "In brackets: how many times as fast as the fastest competitor. Memory (the peak above that of a"
    yield f"small file) and bytes are those of the largest file, which has {units.size(largest.file_bytes)}."


def _speed(contest: Contest, entry: Entry) -> str:
    ratio = units.three_digits(contest.ratio(entry))
    return f"{units.short(entry.rows_per_second)} ({ratio}×)"


def _latency_lines(latency: Latency, imports: Imports) -> Iterator[str]:
    warm, cold = latency.warm, latency.cold
    first = cold.first_event
    yield "| the function, a file of 100 rows | its own time | waiting for the local servers |"
    yield "|---|--:|--:|"
    yield f"| warm: event in → load job submitted | {units.time(warm.own)} | {units.time(warm.waited)} |"
    yield f"| cold: process start → listening | {units.time(cold.until_listening)} | |"
    yield f"| cold: its first event | {units.time(first.own)} | {units.time(first.waited)} |"
    yield ""
    yield f"Most of a warm event goes to {_most(warm.steps)}; of a first one to {_most(first.steps)}."
    yield f"Importing the function takes {units.time(imports.function)}, {imports.ratio:.2f} times as long as"
    yield f"its dependencies alone; most of that goes to {_most(imports.by_package)}."


def _most(seconds: dict[str, float]) -> str:
    most = sorted(seconds.items(), key=lambda item: -item[1])[:_TOLD_STEPS]
    return ", ".join(f"{name} ({units.time(value)})" for name, value in most)


def _growth_table(growths: Sequence[Growth]) -> Iterator[str]:
    yield "| | this: splice | fastest competitor | |"
    yield "|---|--:|--:|---|"
    for growth in growths:
        for point in growth.points:
            what = f"{point.count:,} {growth.what}, {units.count(growth.rows)} rows"
            yield (
                f"| {what} | {units.time(point.splice)} | {units.time(point.competitor)} "
                f"| {point.competitor_title} |"
            )
