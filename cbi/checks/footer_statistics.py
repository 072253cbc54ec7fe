"""What a file's footer proves of its columns, so that they need not be read."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from pyarrow import types

from cbi.contract.casts import Cast
from cbi.expectations.expectation import Extremes
from cbi.parquet.column_encoding import reusable_encoding
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.source import Source
from cbi.parquet.spec import Physical, Repetition, Statistics
from cbi.parquet.thrift import Struct

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY, _LAST_DAY = ((day - _EPOCH.date()).days for day in (date(1, 1, 1), date(9999, 12, 31)))
_DAY = {"ms": 86_400_000, "us": 86_400_000_000}
_FLOATS: Mapping[int | None, str] = {Physical.FLOAT: "<f", Physical.DOUBLE: "<d"}


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value of a column as they are stored; None where all are NULL."""

    min: int | None
    max: int | None

    def inside(self, first: int, last: int) -> bool:
        return self.min is None or self.max is None or first <= self.min <= self.max <= last


@dataclass(frozen=True)
class FooterStatistics:
    """What a file's footer proves of the columns that the contract knows, so that they need not be read.

    Without a file, it proves nothing but what the types do.
    """

    file: FlatFile | None
    casts: Mapping[str, Cast]
    _extremes: dict[str, Extremes | None] = field(default_factory=dict, compare=False, repr=False)

    def proves_cast(self, name: str) -> bool:
        """Whether every value of a column is sure to become its leaf."""
        cast = self.casts[name]
        return not cast.may_fail or (self.file is not None and _is_safe(self.file, cast))

    def null_count(self, name: str) -> int | None:
        """How many NULLs the leaf of a column has; None where the footer does not say."""
        cast = self.casts[name]
        if cast.place.value is not None:
            return 0 if cast.place.value.is_valid else None
        column = cast.place.flat_column
        # NaNs become NULL, and a footer does not count them.
        if self.file is None or column is None or (_holds_nan(cast.found) and not _keeps_nan(cast)):
            return None
        return null_count(self.file, column) if self.file.column(column).is_flat else None

    def bounds(self, name: str) -> Bounds | None:
        """The bounds of a column that is stored as INT32 or INT64; None where the footer does not say."""
        column = self.casts[name].place.flat_column
        if self.file is None or column is None or not self.file.column(column).is_flat:
            return None
        return bounds(self.file, column)

    def extremes(self, name: str) -> Extremes | None:
        """The bounds of a column's leaf, in its own type; None where the footer does not say.

        NaNs are no matter, as they become NULL, and where they are kept nothing is said; text has none,
        because its bounds may be cut off. What was found is remembered, because several checks ask, and each
        twice.
        """
        if name not in self._extremes:
            self._extremes[name] = self._find_extremes(name)
        return self._extremes[name]

    def _find_extremes(self, name: str) -> Extremes | None:
        column = self.casts[name].place.flat_column
        if self.file is None or column is None or not self.file.column(column).is_flat:
            return None
        if not self.proves_cast(name) or _keeps_nan(self.casts[name]):
            return None
        found = bounds(self.file, column)
        if found is None:
            return float_extremes(self.file, column) if types.is_floating(self.casts[name].wanted) else None
        if found.min is None or found.max is None:
            return Extremes(None, None)
        return Extremes(self._as_leaf(name, found.min), self._as_leaf(name, found.max))

    def _as_leaf(self, name: str, stored: int) -> int | float | date | datetime:
        """What a number that a column is stored as stands for in its leaf, which is proved to hold it."""
        found, wanted = self.casts[name].found, self.casts[name].wanted
        if types.is_date(wanted):
            return _EPOCH.date() + timedelta(days=stored)
        if types.is_timestamp(wanted):
            return _EPOCH + timedelta(microseconds=stored * (_DAY["us"] // _DAY[found.unit]))
        return float(stored) if types.is_floating(wanted) else stored


def read_statistics(source: Source, casts: Mapping[str, Cast]) -> FooterStatistics:
    """The footer's statistics where it is read here; what pyarrow reads of a damaged one ends the process."""
    return FooterStatistics(source if isinstance(source, FlatFile) else None, casts)


def null_count(file: FlatFile, name: str) -> int | None:
    """How many NULLs a flat column has; None where the footer does not say."""
    if file.column(name).elements[0].repetition == Repetition.REQUIRED:
        return 0
    counts = [statistics.integer(Statistics.NULL_COUNT) for _, statistics in _statistics(file, name)]
    return None if None in counts else sum(count or 0 for count in counts)


def bounds(file: FlatFile, name: str) -> Bounds | None:
    """The bounds of a column that is stored as INT32 or INT64; None where the footer does not say."""
    element = file.column(name).elements[0]
    if element.physical not in (Physical.INT32, Physical.INT64):
        return None
    signed = not types.is_unsigned_integer(file.schema.field(name).type)
    # The older pair of fields was compared as signed numbers by every writer.
    pairs = [(Statistics.MIN_VALUE, Statistics.MAX_VALUE)] if file.footer.column_orders else []
    pairs += [(Statistics.MIN, Statistics.MAX)] if signed else []
    extremes: list[int] = []
    for values, statistics in _statistics(file, name):
        if statistics.integer(Statistics.NULL_COUNT) == values:
            continue
        stored = next((_pair(statistics, *pair) for pair in pairs if set(pair) <= statistics.keys()), None)
        if stored is None or any(len(value) not in (4, 8) for value in stored):
            return None
        extremes += [int.from_bytes(value, "little", signed=signed) for value in stored]
    return Bounds(min(extremes, default=None), max(extremes, default=None))


def float_extremes(file: FlatFile, name: str) -> Extremes | None:
    """The bounds of a column that is stored as FLOAT or DOUBLE; None where the footer does not say."""
    layout = _FLOATS.get(file.column(name).elements[0].physical)
    if layout is None:
        return None
    pairs = [(Statistics.MIN_VALUE, Statistics.MAX_VALUE)] if file.footer.column_orders else []
    pairs.append((Statistics.MIN, Statistics.MAX))
    extremes: list[float] = []
    for values, statistics in _statistics(file, name):
        if statistics.integer(Statistics.NULL_COUNT) == values:
            continue
        stored = next((_pair(statistics, *pair) for pair in pairs if set(pair) <= statistics.keys()), None)
        if stored is None or any(len(value) != struct.calcsize(layout) for value in stored):
            return None
        extremes += [number for value in stored for number in struct.unpack(layout, value)]
    # Where NaN is a bound its writer compared with it, and then any number may be out of bounds.
    if any(math.isnan(number) for number in extremes):
        return None
    return Extremes(min(extremes, default=None), max(extremes, default=None))


def _keeps_nan(cast: Cast) -> bool:
    return cast.nan_kept and types.is_floating(cast.wanted) and _holds_nan(cast.found)


def _holds_nan(found: pa.DataType) -> bool:
    values = found.value_type if types.is_dictionary(found) else found
    return bool(types.is_floating(values))


def _is_safe(file: FlatFile, cast: Cast) -> bool:
    name = cast.place.flat_column
    if name is None:
        return False
    column = file.column(name)
    if not (column.is_flat and cast.keeps_meaning):
        return False
    if reusable_encoding(column.elements[0], cast.found, cast.wanted) is None:
        return False
    found = bounds(file, name)
    if found is None:
        return False
    if types.is_timestamp(cast.found):
        day = _DAY[cast.found.unit]
        return found.inside(_FIRST_DAY * day, (_LAST_DAY + 1) * day - 1)
    if types.is_date(cast.found):
        return found.inside(_FIRST_DAY, _LAST_DAY)
    return types.is_integer(cast.found) and found.inside(-(2**63), 2**63 - 1)


def _statistics(file: FlatFile, name: str) -> list[tuple[int, Struct]]:
    """The number of values and the statistics of each chunk that has rows."""
    number = file.leaf_number(name)
    chunks = [group.chunks[number] for group in file.footer.row_groups if group.rows]
    return [(chunk.values, chunk.statistics) for chunk in chunks]


def _pair(statistics: Struct, low: int, high: int) -> tuple[bytes, bytes]:
    return statistics.binary(low) or b"", statistics.binary(high) or b""
