"""All ways side by side, on files of several sizes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.files import COLUMNS, Files
from bench.measure import Measurement, measure


class Role(StrEnum):
    """What a way is in the contest for."""

    OURS = "ours"
    COMPETITOR = "competitor"
    FIRST_VERSION = "first version"
    FLOOR = "floor"


@dataclass(frozen=True)
class Way:
    """A module of `bench.ways`, on files of at most `most_rows` rows."""

    module: str
    title: str
    role: Role
    most_rows: int | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """The function's own ways are measured as main.py sets them up."""
        return {"ARROW_DEFAULT_MEMORY_POOL": "system"} if self.role is Role.OURS else {}


SPLICE = Way("splice", "this: splice", Role.OURS)
REWRITE = Way("rewrite", "this: rewrite", Role.OURS)
COMPETITORS = (
    Way("duckdb_copy", "DuckDB", Role.COMPETITOR),
    Way("polars_lazy", "Polars, lazy", Role.COMPETITOR),
    Way("polars_eager", "Polars, eager", Role.COMPETITOR),
)
READ_KEYS = Way("read_keys", "floor: read the key columns", Role.FLOOR)
WAYS = (
    SPLICE,
    REWRITE,
    *COMPETITORS,
    Way("row_by_row", "pandas, row by row", Role.FIRST_VERSION, most_rows=20_000),
    READ_KEYS,
    Way("copy_file", "floor: copy through pyarrow", Role.FLOOR),
)


@dataclass(frozen=True)
class Entry:
    """How a way did at its best, on a file of `rows` rows."""

    way: Way
    rows: int
    best: Measurement

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.best.seconds


@dataclass(frozen=True)
class Contest:
    """How all did on a file of `rows` rows, or on a shorter one those that cannot take it."""

    rows: int
    file_bytes: int
    entries: tuple[Entry, ...]

    def of(self, way: Way) -> Entry:
        return next(entry for entry in self.entries if entry.way == way)

    @property
    def fastest_competitor(self) -> Entry:
        return max((self.of(way) for way in COMPETITORS), key=lambda entry: entry.rows_per_second)

    def ratio(self, entry: Entry) -> float:
        """How many times as fast as the fastest competitor."""
        return entry.rows_per_second / self.fastest_competitor.rows_per_second


def hold_contest(files: Files, rows: int, repeats: int) -> Contest:
    """Measure every way on a file of `rows` rows."""
    source = files.file(rows)
    sizes = {way: rows if way.most_rows is None else min(rows, way.most_rows) for way in WAYS}
    best = measure_in_turns({way: files.file(size) for way, size in sizes.items()}, repeats)
    entries = tuple(Entry(way, sizes[way], best[way]) for way in WAYS)
    return Contest(rows, source.stat().st_size, entries)


def measure_in_turns(
    sources: Mapping[Way, Path], repeats: int, columns: int = COLUMNS
) -> dict[Way, Measurement]:
    """The quickest of `repeats` runs of each way. They take turns: a busy moment of the machine meets all."""
    runs = [
        (way, measure(way.module, source, columns - COLUMNS, way.environment))
        for _ in range(repeats)
        for way, source in sources.items()
    ]
    return {
        way: min((run for each, run in runs if each == way), key=lambda run: run.seconds) for way in sources
    }
