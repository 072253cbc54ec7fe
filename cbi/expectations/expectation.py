"""What an expectation is: a rule of a contract, and the tests that it makes of a file's rows.

All tests see values as they would stand in the table: cast, and NaN as NULL. NULL passes every test but those
of NULLs themselves.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, ClassVar, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta, Struct

Action = Literal["fail", "quarantine", "warn"]

ColumnName = Annotated[str, Meta(min_length=1, description="the name of a column of the file, as text")]
ColumnNames = Annotated[
    tuple[ColumnName, ...], Meta(min_length=1, description="a list of columns of the file")
]

Columns = Mapping[str, pa.Array]
"""Some rows' columns, named as in the file. Text may come as dictionary codes."""

Mistake = tuple[tuple[str | int, ...], str]
"""Where in a rule something is wrong, and what."""


@dataclass(frozen=True)
class Extremes:
    """The least and the greatest value of a column, as the table has them; None where all are NULL."""

    min: int | float | date | datetime | None
    max: int | float | date | datetime | None


class Proofs(Protocol):
    """What a file's footer proves of its columns; None where it does not say."""

    def null_count(self, name: str) -> int | None: ...

    def extremes(self, name: str) -> Extremes | None: ...


def _never(proofs: Proofs) -> bool:
    return False


@dataclass(frozen=True)
class RowTest:
    """A test that each row passes or fails by itself.

    `column` is the one it is about, `reads` are all it looks at; `reason` is what is wrong with a row that
    fails. `failing` is true for those, NULL counts as false. `proved` tells whether a footer shows that none
    fails. Up to `tolerated_share` of a file's rows may fail.
    """

    column: str
    reads: tuple[str, ...]
    reason: str
    failing: Callable[[Columns], pa.Array]
    proved: Callable[[Proofs], bool] = _never
    tolerated_share: float = 0.0


@dataclass(frozen=True)
class TableTest:
    """A test that needs all rows at once: `failing` has a boolean for every row of the table, never NULL."""

    column: str
    reads: tuple[str, ...]
    reason: str
    failing: Callable[[pa.Table], pa.Array]


@dataclass(frozen=True)
class FileTest:
    """A test of how many rows a file has."""

    reason: str
    failing: Callable[[int], bool]


Test = RowTest | TableTest | FileTest


class Expectation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule of a contract. `action` is what becomes of a file with rows that break it, or of those rows."""

    action: Annotated[Action, Meta(description="fail, quarantine or warn")] = "fail"

    def tests(self) -> Iterator[Test]:
        """What follows from the rule for a file."""
        raise NotImplementedError

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        """What is wrong with the rule, for a contract whose file's columns have these types."""
        raise NotImplementedError


class ColumnsExpectation(Expectation, frozen=True, kw_only=True):
    """A rule that is the same for each of some columns."""

    columns: ColumnNames
    takes: ClassVar[tuple[str, ...]] = ()
    """The contract's types that it can be said of; none is all of them."""

    def tests(self) -> Iterator[Test]:
        return map(self.test, self.columns)

    def test(self, column: str) -> RowTest:
        raise NotImplementedError

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        yield from mistaken_columns(self.columns, types, self.takes)


class WholeFileExpectation(Expectation, frozen=True, kw_only=True):
    """A rule that no single row breaks, so that none can be put in quarantine."""

    def mistakes(self, types: Mapping[str, str]) -> Iterator[Mistake]:
        if self.action == "quarantine":
            yield ("action",), "is quarantine; it must be fail or warn, because no row by itself is wrong"


def mistaken_columns(
    columns: tuple[str, ...], types: Mapping[str, str], takes: tuple[str, ...], key: str = "columns"
) -> Iterator[Mistake]:
    """The columns of a list that the contract does not have, or of a type that a rule cannot be said of."""
    for number, column in enumerate(columns):
        yield from mistaken_column(column, types, takes, (key, number))


def mistaken_column(
    column: str, types: Mapping[str, str], takes: tuple[str, ...], path: tuple[str | int, ...]
) -> Iterator[Mistake]:
    if column not in types:
        yield path, f"is {column!r}; it must be a column of the file that fills one of the schema's"
    elif takes and types[column] not in takes:
        yield path, f"is {column!r}, which is {types[column]}; it must be {' or '.join(takes)}"


def of_values(values: pa.Array, test: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """A test of each value; of dictionary codes each value of the dictionary is tested once."""
    if pa.types.is_dictionary(values.type):
        return test(values.dictionary).take(values.indices)
    return test(values)


def is_null(values: pa.Array) -> pa.Array:
    return pc.is_null(values)
