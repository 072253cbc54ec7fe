"""A value lies within bounds: `min` and `max` belong to what is allowed, `above` and `below` do not."""

import operator
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from functools import reduce
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta

from cbi.expectations.expectation import Columns, ColumnsExpectation, Mistake, Proofs, RowTest

Limit = Annotated[int | float | date, Meta(description="a number or a date, without quotes")]

# How a value that breaks a bound compares with it, which extreme shows that none does, and in words.
_BOUNDS: Mapping[str, tuple[Callable[..., pa.Array], Callable[[Any, Any], bool], str, str]] = {
    "min": (pc.less, operator.ge, "min", "at least"),
    "max": (pc.greater, operator.le, "max", "at most"),
    "above": (pc.less_equal, operator.gt, "min", "above"),
    "below": (pc.greater_equal, operator.lt, "max", "below"),
}
_LIMIT_TYPES = {"INT64": (int,), "FLOAT64": (int, float), "DATE": (date,), "TIMESTAMP": (date,)}
_LARGEST_INT64 = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Bounds(ColumnsExpectation, frozen=True, kw_only=True):
    """At least one bound. Of a TIMESTAMP a date is its midnight in UTC."""

    takes = tuple(_LIMIT_TYPES)

    min: Limit | None = None
    max: Limit | None = None
    above: Limit | None = None
    below: Limit | None = None

    @property
    def limits(self) -> Mapping[str, int | float | date]:
        return {name: limit for name in _BOUNDS if (limit := getattr(self, name)) is not None}

    def test(self, column: str) -> RowTest:
        limits = self.limits
        wanted = " and ".join(f"{_BOUNDS[name][3]} {limit}" for name, limit in limits.items())

        def failing(rows: Columns) -> pa.Array:
            values = rows[column]
            broken = [_BOUNDS[name][0](values, _scalar(limit, values.type)) for name, limit in limits.items()]
            return reduce(pc.or_, broken)

        def proved(footer: Proofs) -> bool:
            found = footer.extremes(column)
            return found is not None and (
                found.min is None
                or all(
                    _BOUNDS[name][1](extreme := getattr(found, _BOUNDS[name][2]), _like(limit, extreme))
                    for name, limit in limits.items()
                )
            )

        return RowTest(column, (column,), f"{column} is not {wanted}", failing, proved)

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        yield from super().mistakes(types)
        if not self.limits:
            yield (), "has no bound; it must have one of min, max, above and below"
        for name, limit in self.limits.items():
            for column in self.columns:
                kinds = _LIMIT_TYPES.get(types.get(column, ""), (int, float, date))
                if not isinstance(limit, kinds):
                    yield (name,), f"is {limit}; {column} is {types[column]}, which has no such values"
        if any(isinstance(limit, int) and abs(limit) > _LARGEST_INT64 for limit in self.limits.values()):
            yield (), "has a bound beyond the largest INT64"
        if any(isinstance(limit, float) and limit - limit != 0 for limit in self.limits.values()):
            yield (), "has a bound that is no finite number; leave it out"


def _scalar(limit: int | float | date, kind: pa.DataType) -> pa.Scalar:
    """A bound as a value of a column's type."""
    if pa.types.is_timestamp(kind):
        return pa.scalar(_like(limit, _EPOCH), kind)
    return pa.scalar(_like(limit, 0.0) if pa.types.is_floating(kind) else limit, kind)


def _like(limit: int | float | date, extreme: object) -> Any:
    """A bound as it compares with a value of the column."""
    if isinstance(limit, date):
        return datetime.combine(limit, time(), UTC) if isinstance(extreme, datetime) else limit
    return float(limit) if isinstance(extreme, float) else limit
