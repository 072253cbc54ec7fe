"""What the footer proves of a column, so that it need not be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pyarrow import types

from cbi.checks.quality import FooterStatistics
from cbi.contract.casts import Cast
from cbi.parquet.column_encoding import keep
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.footer import Physical, Repetition
from cbi.parquet.thrift import Struct

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY, _LAST_DAY = ((day - _EPOCH.date()).days for day in (date(1, 1, 1), date(9999, 12, 31)))
_DAY = {"ms": 86_400_000, "us": 86_400_000_000}


def prove(file: FlatFile, casts: Mapping[str, Cast]) -> FooterStatistics:
    """What the footer proves of these columns; of those that are read anyway it is not asked."""
    safe = safe_casts(file, casts)
    counts = {name: null_count(file, name) for name in safe}
    return FooterStatistics(
        frozenset(safe), {name: count for name, count in counts.items() if count is not None}
    )


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value of a column as they are stored; None where all are NULL."""

    min: int | None
    max: int | None

    def inside(self, first: int, last: int) -> bool:
        return self.min is None or self.max is None or first <= self.min <= self.max <= last


def null_count(file: FlatFile, name: str) -> int | None:
    """How many NULLs a flat column has; None where the footer does not say."""
    if file.column(name).elements[0].repetition == Repetition.REQUIRED:
        return 0
    counts = [statistics.integer(3) for _, statistics in _statistics(file, name)]
    return None if None in counts else sum(count or 0 for count in counts)


def bounds(file: FlatFile, name: str) -> Bounds | None:
    """The bounds of a column that is stored as INT32 or INT64; None where the footer does not say."""
    element = file.column(name).elements[0]
    if element.physical not in (Physical.INT32, Physical.INT64):
        return None
    signed = not types.is_unsigned_integer(file.schema.field(name).type)
    # The older pair of fields was compared as signed numbers by every writer.
    pairs = [(6, 5)] if file.footer.column_orders else []
    pairs += [(2, 1)] if signed else []
    extremes: list[int] = []
    for values, statistics in _statistics(file, name):
        if statistics.integer(3) == values:
            continue
        stored = next((_pair(statistics, *pair) for pair in pairs if set(pair) <= statistics.keys()), None)
        if stored is None or any(len(value) not in (4, 8) for value in stored):
            return None
        extremes += [int.from_bytes(value, "little", signed=signed) for value in stored]
    return Bounds(min(extremes, default=None), max(extremes, default=None))


def safe_casts(file: FlatFile, casts: Mapping[str, Cast]) -> set[str]:
    """The columns whose cast may fail by its type, but not by the footer's bounds; they stay as they are."""
    return {name for name, cast in casts.items() if cast.may_fail and _is_safe(file, name, cast)}


def _is_safe(file: FlatFile, name: str, cast: Cast) -> bool:
    if not file.column(name).is_flat or keep(file.column(name).elements[0], cast) is None:
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
    return [(chunk.values, chunk.metadata.struct(12) or Struct()) for chunk in chunks]


def _pair(statistics: Struct, low: int, high: int) -> tuple[bytes, bytes]:
    return statistics.binary(low) or b"", statistics.binary(high) or b""
