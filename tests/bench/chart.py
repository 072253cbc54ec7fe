"""The chart: rows a second of all ways, and how time grows. SVG by hand, for light and dark pages alike."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from bench import units
from bench.contest import WAYS, Contest, Role
from bench.growth import Growth

_WIDTH = 820
_ROW = 26
_LEFT, _RIGHT = 210, 90
_GROWTH_HEIGHT = 190
_GAP = 56

# Middle tones can be read on white and on black, should a viewer not say which it shows.
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #6e7781 }
.title { font-weight: 600; font-size: 14px }
.grid { stroke: #8b949e; stroke-opacity: .25 }
.ours { fill: #2da44e; stroke: #2da44e }
.competitor { fill: #4184e4; stroke: #4184e4 }
.first-version { fill: #c9803a; stroke: #c9803a }
.floor { fill: #8b949e; stroke: #8b949e }
text.ours, text.competitor, text.first-version, text.floor { stroke: none }
polyline.ours, polyline.competitor { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: light) { text { fill: #424a53 } }
@media (prefers-color-scheme: dark) { text { fill: #adbac7 } }
"""


@dataclass(frozen=True)
class _Scale:
    """A logarithmic axis: from the power of ten before the least value to the one after the greatest."""

    first: int
    last: int
    begin: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], begin: float, end: float) -> "_Scale":
        first, last = floor(log10(min(values))), ceil(log10(max(values)))
        return cls(first, max(last, first + 1), begin, end)

    def place(self, value: float) -> float:
        share = (log10(value) - self.first) / (self.last - self.first)
        return round(self.begin + share * (self.end - self.begin), 1)

    @property
    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.first, self.last + 1)]


def draw(contests: Sequence[Contest], growths: Sequence[Growth]) -> str:
    """The whole chart as SVG."""
    top = 64
    bottom = top + _ROW * len(WAYS)
    begin = bottom + _GAP + 30
    height = begin + _GROWTH_HEIGHT + 50
    parts = [*_speeds(contests, top, bottom)]
    width = _WIDTH / len(growths)
    for number, growth in enumerate(growths):
        left, right = number * width + 56, (number + 1) * width - 24
        parts += _growth(growth, left, right, begin, begin + _GROWTH_HEIGHT)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">'
    title = "<title>Rows a second of each way, and how time grows with columns and row groups</title>"
    return "\n".join([head, title, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _speeds(contests: Sequence[Contest], top: float, bottom: float) -> Iterator[str]:
    """A line for each way, with a dot for each file; the larger the file, the larger the dot."""
    speeds = [entry.rows_per_second for contest in contests for entry in contest.entries]
    x = _Scale.over(speeds, _LEFT, _WIDTH - _RIGHT)
    yield _text(12, 22, "Rows a second (logarithmic)", "title")
    yield from _legend([contest.rows for contest in contests])
    yield _text(_WIDTH - 12, top - 18, f"{units.count(contests[-1].rows)} rows", anchor="end")
    for tick in x.ticks:
        yield _line(x.place(tick), top - 10, x.place(tick), bottom)
        yield _text(x.place(tick), bottom + 18, units.count(round(tick)), anchor="middle")
    for number, way in enumerate(WAYS):
        y = top + number * _ROW + 6
        yield _text(_LEFT - 14, y + 4, way.title, anchor="end")
        for place, contest in enumerate(contests):
            entry = contest.of(way)
            yield _dot(x.place(entry.rows_per_second), y, _radius(place, len(contests)), way.role)
        yield _text(_WIDTH - 12, y + 4, units.short(contests[-1].of(way).rows_per_second), anchor="end")


def _legend(sizes: Sequence[int]) -> Iterator[str]:
    for place, rows in enumerate(sizes):
        x = _LEFT + 150 + 130 * place
        yield _dot(x, 18, _radius(place, len(sizes)), Role.FLOOR)
        yield _text(x + 12, 22, f"{units.count(rows)} rows")


def _growth(growth: Growth, left: float, right: float, top: float, bottom: float) -> Iterator[str]:
    """Two curves over the count of what grows."""
    points = growth.points
    x = _Scale.over([point.count for point in points], left, right)
    y = _Scale.over([second for point in points for second in (point.splice, point.competitor)], bottom, top)
    yield _text(left, top - 30, f"Seconds by {growth.what}, {units.count(growth.rows)} rows", "title")
    for tick in y.ticks:
        yield _line(left, y.place(tick), right, y.place(tick))
        yield _text(left - 8, y.place(tick) + 4, f"{tick:g}", anchor="end")
    for point in points:
        yield _text(x.place(point.count), bottom + 18, f"{point.count:,}", anchor="middle")
    curves: list[tuple[Role, str, Callable[..., float]]] = [
        (Role.OURS, "this: splice", lambda point: point.splice),
        (Role.COMPETITOR, "fastest competitor", lambda point: point.competitor),
    ]
    for number, (role, title, value) in enumerate(curves):
        places = [(x.place(point.count), y.place(value(point))) for point in points]
        yield f'<polyline class="{_name(role)}" points="{" ".join(f"{a},{b}" for a, b in places)}"/>'
        for place in places:
            yield _dot(*place, 3.5, role)
        yield _text(left + number * 92, bottom + 38, title, _name(role))


def _radius(place: int, of: int) -> float:
    return 7.0 - 2.0 * (of - 1 - place)


def _name(role: Role) -> str:
    return role.value.replace(" ", "-")


def _dot(x: float, y: float, radius: float, role: Role) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{max(radius, 2)}" class="{_name(role)}" fill-opacity=".75"/>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="grid"/>'


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{style}" text-anchor="{anchor}">{escape(text)}</text>'
