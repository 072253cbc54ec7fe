"""The market-regime calendar: which regime each day belongs to, and each regime's weight."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from cbi.errors import Misconfigured
from cbi.findings import RegimeCoverage
from cbi.settings import regimes_file

_EPOCH = date(1970, 1, 1)
_REGIMES_FILE = Path(__file__).parents[1] / "regimes.yaml"


@dataclass(frozen=True)
class Regime:
    """A regime's name and weight, as the rows of its days get them."""

    name: str
    weight: int
    description: str = ""


@dataclass(frozen=True)
class RegimeRange:
    """A regime and the days it lasts, both included."""

    regime: Regime
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class RegimeCalendar:
    """Regimes as ranges in order of date, without overlaps. Days between ranges have no regime."""

    ranges: tuple[RegimeRange, ...]

    @classmethod
    def from_rows(cls, days: Iterable[tuple[date, str]], weights: Mapping[str, int]) -> "RegimeCalendar":
        """Make a calendar of (date, regime name) rows in any order.

        Raises Misconfigured for a date with two rows and for a regime that has no weight.
        """
        ordered = sorted(days)
        for (one, regime), (next_one, other) in pairwise(ordered):
            if one == next_one:
                raise Misconfigured(
                    f"the regime calendar has {one} twice, as {regime} and as {other}; it must have each date"
                    " once: fix regimes.yaml and run `python -m cbi regimes --apply`"
                )
        ranges: list[RegimeRange] = []
        for day, name in ordered:
            if name not in weights:
                raise Misconfigured(
                    f"the regime {name} of {day} has no weight: add it to training.regime_weights, or to"
                    " regimes.yaml and run `python -m cbi regimes --apply`"
                )
            last = ranges[-1] if ranges else None
            if last and last.regime.name == name and last.last + timedelta(days=1) == day:
                ranges[-1] = RegimeRange(last.regime, last.first, day)
            else:
                ranges.append(RegimeRange(Regime(name, weights[name]), day, day))
        return cls(tuple(ranges))

    @cached_property
    def rows(self) -> int:
        """How many days have a regime."""
        return sum(period.days for period in self.ranges)

    @property
    def min_date(self) -> date | None:
        return self.ranges[0].first if self.ranges else None

    @property
    def max_date(self) -> date | None:
        return self.ranges[-1].last if self.ranges else None

    @cached_property
    def digest(self) -> str:
        """A hash of the ranges, names and weights: another calendar, another digest."""
        facts = [(r.regime.name, r.regime.weight, str(r.first), str(r.last)) for r in self.ranges]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def get_regime(self, day: date) -> Regime | None:
        """The regime of one day, or None, in constant time."""
        number = self._numbers_by_day.get((day - _EPOCH).days)
        return None if number is None else self._regimes[number]

    def lookup(self, dates: pa.Array) -> pa.Array:
        """For a date32 column, the number of each row's regime (int16, for `names` and `weights`) or NULL."""
        if not self.ranges:
            return pa.nulls(len(dates), pa.int16())
        first, numbers = self._dense
        offsets = pc.subtract(dates.cast(pa.int32()), pa.scalar(first, pa.int32()))
        inside = pc.and_(pc.greater_equal(offsets, 0), pc.less(offsets, len(numbers)))
        # A date outside the calendar is looked up at NULL, which take() answers with NULL.
        return numbers.take(pc.if_else(inside, offsets, pa.scalar(None, pa.int32())))

    @cached_property
    def names(self) -> pa.Array:
        """The regimes' names, by the number that `lookup` returns."""
        return pa.array([regime.name for regime in self._regimes], pa.string())

    @cached_property
    def weights(self) -> pa.Array:
        """The regimes' weights, by the number that `lookup` returns."""
        return pa.array([regime.weight for regime in self._regimes], pa.int64())

    def validate_date_coverage(self, dates: pa.Array | pa.ChunkedArray) -> RegimeCoverage:
        """Tell which of the distinct dates in a date32 column (NULLs left out) have a regime."""
        distinct = pc.unique(dates).drop_null().sort()
        missing = distinct.filter(self.lookup(distinct).is_null())
        total, covered = len(distinct), len(distinct) - len(missing)
        return RegimeCoverage(
            total_dates=total,
            covered_dates=covered,
            missing_dates=tuple(missing.to_pylist()),
            coverage_pct=round(100 * covered / total, 2) if total else 0.0,
        )

    @cached_property
    def _regimes(self) -> tuple[Regime, ...]:
        return tuple(dict.fromkeys(period.regime for period in self.ranges))

    @cached_property
    def _numbers_by_day(self) -> Mapping[int, int]:
        number = {regime: index for index, regime in enumerate(self._regimes)}
        days: dict[int, int] = {}
        for period in self.ranges:
            start = (period.first - _EPOCH).days
            days.update(dict.fromkeys(range(start, start + period.days), number[period.regime]))
        return days

    @cached_property
    def _dense(self) -> tuple[int, pa.Array]:
        """The first day's number since 1970, and the regime's number of it and every day after (int16)."""
        first, last = min(self._numbers_by_day), max(self._numbers_by_day)
        days = range(first, last + 1)
        return first, pa.array([self._numbers_by_day.get(day) for day in days], pa.int16())


def load_regimes_file(path: Path | None = None) -> RegimeCalendar:
    """Read a regimes file: this one, or that of CBI_REGIMES, or the package's.

    Raises Misconfigured for gaps, overlaps and whatever else is not sound in it.
    """
    path = path or Path(regimes_file() or _REGIMES_FILE)
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        ranges = [_parse_range(entry) for entry in entries]
        if not ranges:
            raise TypeError("there are no regimes in it")
    except (yaml.YAMLError, KeyError, TypeError, OSError) as error:
        raise Misconfigured(f"{path} cannot be read as regimes: {error!r}") from error
    _check_ranges(path, ranges)
    return RegimeCalendar(tuple(ranges))


def _parse_range(entry: Mapping[str, Any]) -> RegimeRange:
    regime = Regime(entry["regime"], entry["weight"], entry.get("description", ""))
    if type(entry["from"]) is not date or type(entry["to"]) is not date or type(regime.weight) is not int:
        raise TypeError(f"{regime.name}: from and to must be dates (YYYY-MM-DD) and weight an integer")
    return RegimeRange(regime, entry["from"], entry["to"])


def _check_ranges(path: Path, ranges: Sequence[RegimeRange]) -> None:
    weights: dict[str, int] = {}
    for period in ranges:
        name, weight = period.regime.name, period.regime.weight
        if period.last < period.first:
            raise Misconfigured(f"{path}: {name} ends on {period.last}, before it begins on {period.first}")
        if weights.setdefault(name, weight) != weight:
            raise Misconfigured(f"{path}: {name} has two weights, {weights[name]} and {weight}")
    for one, following in pairwise(ranges):
        names = f"{one.regime.name} (to {one.last}) and {following.regime.name} (from {following.first})"
        if following.first <= one.last:
            raise Misconfigured(f"{path}: {names} overlap; ranges must be in order, each after the last")
        if following.first > one.last + timedelta(days=1):
            raise Misconfigured(f"{path}: there is a gap between {names}; every day must have a regime")
