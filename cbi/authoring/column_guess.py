"""What a column of a file may become in a table: the types that its values allow, the best one first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from cbi.contract.casts import find_cast
from cbi.contract.text import is_text
from cbi.contract.times import ISO_TIMES, TimeSource, count_cut
from cbi.contract.unsafe_cast import UnsafeCast

EIGHT_DIGITS = TimeSource(format="%Y%m%d")
_DAY_OF_TIME = TimeSource(as_date=True)

_TIME_NAME = re.compile(r"date|day|time|ymd|(^|[_ ])(dt|d|ts|asof|as_of|period)($|[_ ])", re.IGNORECASE)

# Eight digits are a date where they lie between these, and something else anywhere else.
_FIRST, _LAST = 1900_01_01, 2100_12_31


@dataclass(frozen=True)
class Choice:
    """A type of the contract, and how times of the file are read for it."""

    type: str
    times: TimeSource = ISO_TIMES


THE_DAY = Choice("DATE", _DAY_OF_TIME)
"""The day of a time, as clocks in its own zone show it."""


@dataclass
class ColumnGuess:
    """A column of one or several files: which choices its values have left so far.

    `found` are the types that it has in them; `may_be_digits` says that numbers of eight digits are dates
    whatever the name is. `days` are the ways to take it as the day that a row belongs to. `nulls` and
    `values` count what was read, which is all rows or none.
    """

    name: str
    found: Sequence[pa.DataType]
    may_be_digits: bool = False
    choices: list[Choice] = field(init=False)
    days: list[Choice] = field(init=False)
    nulls: int = 0
    values: int = 0

    def __post_init__(self) -> None:
        digits = self.may_be_digits or _TIME_NAME.search(self.name) is not None
        self.choices = _choices(self.found, digits)
        self.days = [choice for choice in self.choices if choice.type == "DATE"]
        if any(choice.type in ("DATE", "TIMESTAMP") for choice in self.choices):
            self.days += [choice for choice in (Choice("DATE"), THE_DAY) if choice not in self.days]

    @property
    def best(self) -> Choice | None:
        return self.choices[0] if self.choices else None

    @property
    def must_be_read(self) -> bool:
        """Whether only the values tell which choice is right, or whether the column can be loaded at all."""
        casts = [find_cast(kind, choice.type, choice.times) for choice in self.choices for kind in self.found]
        return any(cast is None or cast.may_fail for cast in casts)

    def look(self, values: pa.Array) -> None:
        """Drop the choices that these values rule out."""
        self.nulls += values.null_count
        self.values += len(values) - values.null_count
        self.choices = [choice for choice in self.choices if _holds(values, choice)]
        self.days = [choice for choice in self.days if _holds(values, choice)]

    def finish(self) -> None:
        """A column without a value has shown nothing: it is no date then."""
        if not self.values and self.must_be_read:
            self.days = []
            self.choices = [choice for choice in self.choices if not _is_shown(choice, self.found)]


def _choices(found: Sequence[pa.DataType], digits: bool) -> list[Choice]:
    """The types that columns of these types may become, the best one first."""
    kinds = [kind.value_type if types.is_dictionary(kind) else kind for kind in found]
    wanted: list[Choice] = []
    if digits and all(map(_may_be_digits, kinds)):
        wanted.append(Choice("DATE", EIGHT_DIGITS))
    wanted += [Choice(each) for each in _plain_choices(kinds)]
    return [choice for choice in wanted if all(find_cast(kind, choice.type, choice.times) for kind in found)]


def _plain_choices(kinds: Sequence[pa.DataType]) -> list[str]:
    if all(types.is_boolean(kind) or types.is_null(kind) for kind in kinds) and any(
        map(types.is_boolean, kinds)
    ):
        return ["BOOL"]
    if any(types.is_floating(kind) or (types.is_decimal(kind) and kind.scale > 0) for kind in kinds):
        return ["FLOAT64"]
    if any(types.is_integer(kind) or types.is_decimal(kind) for kind in kinds):
        return ["INT64", "FLOAT64"]
    if any(types.is_timestamp(kind) for kind in kinds):
        return ["TIMESTAMP"]
    if any(types.is_date(kind) for kind in kinds):
        return ["DATE"]
    if all(is_text(kind) for kind in kinds):
        return ["DATE", "TIMESTAMP", "STRING", "BYTES"]
    if any(is_text(kind) or types.is_null(kind) for kind in kinds):
        return ["STRING", "BYTES"]
    return ["BYTES"]


def _may_be_digits(kind: pa.DataType) -> bool:
    return bool(types.is_integer(kind) or types.is_float64(kind) or types.is_decimal(kind) or is_text(kind))


def _is_shown(choice: Choice, found: Sequence[pa.DataType]) -> bool:
    """Whether a choice is one for values that look so, not one for the type."""
    is_time = choice.type in ("DATE", "TIMESTAMP")
    return is_time and not any(types.is_temporal(kind) for kind in found)


def _holds(values: pa.Array, choice: Choice) -> bool:
    """Whether all of these values can be loaded as a choice, and would be what they are."""
    if choice.times == EIGHT_DIGITS and not _may_be_eight_digits(values):
        return False
    cast = find_cast(values.type, choice.type, choice.times)
    if cast is None:
        return False
    if not cast.may_fail:
        return True
    try:
        cast.apply(values)
    except UnsafeCast:
        return False
    return not (choice.type == "TIMESTAMP" and is_text(values.type) and count_cut(values))


def _may_be_eight_digits(values: pa.Array) -> bool:
    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if is_text(values.type) or types.is_decimal(values.type):
        return True
    extremes = pc.min_max(values)
    least, most = extremes["min"].as_py(), extremes["max"].as_py()
    return least is None or _FIRST <= least <= most <= _LAST
