"""What an enrichment is: the type it fills, what it depends on, and its values."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from cbi.lookups.regime_calendar import RegimeCalendar


@dataclass(frozen=True)
class RunFacts:
    """What is the same for all rows of a run; `finalized_at` is when the staged object was finished."""

    calendar: RegimeCalendar
    finalized_at: datetime
    run_id: str


@dataclass(frozen=True)
class Rows:
    """Rows of one record batch; `dates` are theirs (date32, without NULLs), None in a feed without dates.

    `unknown` has the file's columns that the contract does not have, in a feed that rescues them.
    """

    run: RunFacts
    count: int
    dates: pa.Array | None
    unknown: pa.RecordBatch | None = None

    @cached_property
    def regimes(self) -> pa.Array:
        """The number of each row's regime in the calendar (int16), NULL where its date has none."""
        if self.dates is None:
            return pa.nulls(self.count, pa.int16())
        return self.run.calendar.lookup(self.dates)

    @cached_property
    def only_regime(self) -> int | None:
        """The number of the regime of all rows, where the first and the last date show that it is one."""
        if self.dates is None:
            return None
        extremes = pc.min_max(self.dates)
        first, last = extremes["min"].as_py(), extremes["max"].as_py()
        for regime in self.run.calendar.ranges:
            if first is not None and regime.first <= first and last <= regime.last:
                number: int = self.run.calendar.lookup(pa.array([first], pa.date32()))[0].as_py()
                return number
        return None


class Basis(Enum):
    """What an enrichment's values are based on."""

    RUN = auto()
    """The facts of the run, so that they are the same in every row."""

    DATE = auto()
    """The row's date: the feed must have a column of dates."""

    UNKNOWN_COLUMNS = auto()
    """The columns of the file that the contract does not have."""

    REGIME = auto()
    """The regime of the row's date: rows whose date has none are not loaded."""


class Role(Enum):
    """What the warehouse knows a filled column by, besides its values."""

    NONE = auto()

    RECENCY = auto()
    """Of two rows with the same key, the one with the greater value is the newer."""

    RUN = auto()
    """It names the run that loaded the row, which can be undone by it."""


def _never_constant(rows: Rows) -> None:
    return None


@dataclass(frozen=True)
class Enrichment:
    """What fills a leaf; `field_type` is the type that the leaf must have in the contract.

    `values` are the rows' values, in the leaf's Arrow type or as a dictionary of it. `constant` is the one
    value of all rows where that can be told without them, else None.
    """

    name: str
    field_type: str
    based_on: Basis
    values: Callable[[Rows], pa.Array]
    constant: Callable[[Rows], pa.Scalar | None] = _never_constant
    role: Role = Role.NONE


def constant_enrichment(
    name: str, field_type: str, value: Callable[[RunFacts], pa.Scalar], role: Role = Role.NONE
) -> Enrichment:
    """An enrichment with the same value in every row of a run."""
    return Enrichment(
        name,
        field_type,
        Basis.RUN,
        values=lambda rows: pa.repeat(value(rows.run), rows.count),
        constant=lambda rows: value(rows.run),
        role=role,
    )
