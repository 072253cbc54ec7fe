"""How time grows with a file's columns and with its row groups, all else being equal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.contest import COMPETITORS, SPLICE, Way, measure_in_turns
from bench.files import COLUMNS, Files

COLUMN_ROWS = 20_000
ROW_GROUP_ROWS = 100_000


@dataclass(frozen=True)
class Point:
    """A file with `count` columns or row groups: seconds of a splice, and of the competitor fastest there."""

    count: int
    splice: float
    competitor: float
    competitor_title: str


@dataclass(frozen=True)
class Growth:
    """What grows, on files of how many rows, and a point for each count."""

    what: str
    rows: int
    points: tuple[Point, ...]


def grow_columns(files: Files, counts: Sequence[int], repeats: int) -> Growth:
    points = (
        _point(count, files.file(COLUMN_ROWS, columns=count), repeats, columns=count) for count in counts
    )
    return Growth("columns", COLUMN_ROWS, tuple(points))


def grow_row_groups(files: Files, counts: Sequence[int], repeats: int) -> Growth:
    points = (_point(count, files.file(ROW_GROUP_ROWS, row_groups=count), repeats) for count in counts)
    return Growth("row groups", ROW_GROUP_ROWS, tuple(points))


def _point(count: int, source: Path, repeats: int, columns: int = COLUMNS) -> Point:
    best = measure_in_turns(dict.fromkeys((SPLICE, *COMPETITORS), source), repeats, columns)
    fastest: Way = min(COMPETITORS, key=lambda way: best[way].seconds)
    return Point(count, best[SPLICE].seconds, best[fastest].seconds, fastest.title)
