"""Which column types can fill which leaf without loss, and the casts themselves.

A cast keeps every value or raises; the only things it changes are those BigQuery cannot hold: NaN becomes
NULL, and time below the microsecond is cut off (`count_cut` says how often).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from cbi.contract.feed import ARROW_TYPES

MICROSECONDS = pa.timestamp("us", tz="UTC")

# What DATE and TIMESTAMP hold: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types
_FIRST_TIME = pa.scalar(datetime(1, 1, 1, tzinfo=UTC), MICROSECONDS)
_LAST_TIME = pa.scalar(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), MICROSECONDS)
_FIRST_DATE = pa.scalar(date(1, 1, 1), pa.date32())
_LAST_DATE = pa.scalar(date(9999, 12, 31), pa.date32())

_DATE_ONLY = r"^\d{4}-\d{2}-\d{2}$"
_ZONE = r"[+-]\d{2}:?\d{2}$|Z$"
_TIME_ZONE = r"(:\d{2}(?:\.\d+)?)(?:[+-]\d{2}:?\d{2}|Z)$"
_NANOSECONDS = r"\.\d{7,9}"
_BELOW_MICROSECONDS = r":\d{2}\.\d{6}0*[1-9]"
_ISO_TIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([+-]\d{2}:?\d{2}|Z)?)?$"


class UnsafeCast(ValueError):
    """A value that its column's wanted type cannot hold; the text names the value."""


@dataclass(frozen=True)
class Cast:
    """How a file's column becomes a leaf.

    `may_fail` says that only the values can tell whether it is safe, so that they must be looked at before
    anything is loaded; `keeps` that the column is already as the leaf wants it, but perhaps for NaNs.
    """

    found: pa.DataType
    wanted: pa.DataType
    may_fail: bool

    @property
    def keeps(self) -> bool:
        return bool(self.found == self.wanted)

    def apply(self, column: pa.Array) -> pa.Array:
        """Cast a column of type `found` to `wanted`. Raises UnsafeCast, naming the first bad value."""
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if types.is_null(column.type):
            return pa.nulls(len(column), self.wanted)
        try:
            return _CASTS[self.wanted](column)
        except pa.ArrowInvalid as error:
            raise UnsafeCast(str(error)) from error


def find_cast(found: pa.DataType, field_type: str) -> Cast | None:
    """The cast from a parquet column's type to a contract's type, or None where there is no safe one."""
    wanted = ARROW_TYPES[field_type]
    values = found.value_type if types.is_dictionary(found) else found
    if types.is_null(values):
        return Cast(found, wanted, may_fail=False)
    safe, by_value = _ACCEPTED[field_type]
    if safe(values):
        return Cast(found, wanted, may_fail=False)
    if by_value(values):
        return Cast(found, wanted, may_fail=True)
    return None


def count_cut(column: pa.Array) -> int:
    """How many times of a column have digits below the microsecond, which are cut off. None do elsewhere."""
    if _is_text(column.type):
        cut = pc.match_substring_regex(column.cast(pa.string()), _BELOW_MICROSECONDS)
        return pc.sum(cut).as_py() or 0
    if not (types.is_timestamp(column.type) and column.type.unit == "ns"):
        return 0
    nanoseconds = column.view(pa.int64())
    whole = pc.multiply(pc.divide(nanoseconds, 1000), 1000)
    return pc.sum(pc.not_equal(nanoseconds, whole)).as_py() or 0


def _is_text(found: pa.DataType) -> bool:
    return bool(types.is_string(found) or types.is_large_string(found) or types.is_string_view(found))


def _is_bytes(found: pa.DataType) -> bool:
    return bool(
        types.is_binary(found)
        or types.is_large_binary(found)
        or types.is_binary_view(found)
        or types.is_fixed_size_binary(found)
    )


def _is_number(found: pa.DataType) -> bool:
    return bool(types.is_integer(found) or types.is_floating(found))


def _is_time(found: pa.DataType) -> bool:
    return bool(types.is_timestamp(found) or types.is_date(found) or _is_text(found))


def _is_exact_in_double(found: pa.DataType) -> bool:
    return bool(types.is_floating(found) or (types.is_integer(found) and found.bit_width <= 32))


def _never(found: pa.DataType) -> bool:
    return False


# For each type of the contract: what is always safe, and what only the values can tell.
_ACCEPTED: Mapping[str, tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], bool]]] = {
    "STRING": (_never, lambda t: _is_text(t) or _is_bytes(t)),
    "BYTES": (lambda t: _is_text(t) or _is_bytes(t), _never),
    "INT64": (lambda t: types.is_integer(t) and t != pa.uint64(), _is_number),
    "FLOAT64": (_is_exact_in_double, lambda t: types.is_integer(t) or types.is_decimal(t)),
    "BOOL": (types.is_boolean, _is_number),
    "DATE": (_never, _is_time),
    "TIMESTAMP": (_never, _is_time),
}


def _to_string(column: pa.Array) -> pa.Array:
    text = column.cast(pa.string())
    # A text column of a parquet file may hold bytes that are not UTF-8. Arrow mostly takes them for text all
    # the same, and only Python refuses the value, where an error is to name it.
    text.validate(full=True)
    return text


def _to_bytes(column: pa.Array) -> pa.Array:
    return column.cast(pa.binary())


def _to_float64(column: pa.Array) -> pa.Array:
    numbers = column.cast(pa.float64())
    if types.is_decimal(column.type):
        changed = pc.not_equal(numbers.cast(column.type, safe=False), column)
        _refuse(column, changed, "has more digits than FLOAT64 holds")
    return nan_to_null(numbers)


def _to_int64(column: pa.Array) -> pa.Array:
    if types.is_floating(column.type):
        column = _to_float64(column)
        _refuse(column, pc.invert(pc.is_finite(column)), "is not a whole number")
    return column.cast(pa.int64())


def _to_bool(column: pa.Array) -> pa.Array:
    if not types.is_boolean(column.type):
        column = _to_float64(column) if types.is_floating(column.type) else column
        other = pc.invert(pc.is_in(column, pa.array([0, 1]).cast(column.type), skip_nulls=True))
        _refuse(column, pc.and_(other, pc.is_valid(column)), "is neither 0 nor 1")
    return column.cast(pa.bool_())


def _to_date(column: pa.Array) -> pa.Array:
    if not types.is_date(column.type):
        shown, zone, local = _local_times(column)
        times = _to_timestamp(local)
        column = pc.floor_temporal(times, unit="day")
        _refuse(shown, pc.not_equal(times, column), f"{zone}has a time of day, so it is not a date")
    dates = column.cast(pa.date32())
    _refuse(dates, _outside(dates, _FIRST_DATE, _LAST_DATE), "is not between the years 1 and 9999")
    return dates


def _local_times(column: pa.Array) -> tuple[pa.Array, str, pa.Array]:
    """Times as to be told to a person, the zone they are in, and as clocks of that zone show them.

    The date of an aware time is the one of those clocks.
    """
    if _is_text(column.type):
        return column, "", pc.replace_substring_regex(_to_string(column), _TIME_ZONE, r"\1")
    if column.type.tz is None:
        return column, "", column
    local = pc.local_timestamp(column)
    return local, f"in {column.type.tz} ", local


def _to_timestamp(column: pa.Array) -> pa.Array:
    if _is_text(column.type):
        column = _parse_times(column)
    if types.is_timestamp(column.type) and column.type.unit == "ns":
        # In UTC first, because an hour of a local clock may come twice or not at all.
        column = pc.floor_temporal(column.cast(pa.timestamp("ns", tz="UTC")), unit="microsecond")
    times = column.cast(MICROSECONDS)
    _refuse(times, _outside(times, _FIRST_TIME, _LAST_TIME), "is not between the years 1 and 9999")
    return times


def _parse_times(text: pa.Array) -> pa.Array:
    """ISO 8601 text as times in UTC, which is also meant where it names no zone."""
    text = pc.utf8_trim_whitespace(_to_string(text))
    form = "is not a date or time in ISO 8601's extended form, as 2024-01-31 or 2024-01-31T16:00:00Z"
    _refuse(text, pc.invert(pc.match_substring_regex(text, _ISO_TIME)), form)
    midnight = pc.binary_join_element_wise(text, "T00:00:00", "")
    text = pc.if_else(pc.match_substring_regex(text, _DATE_ONLY), midnight, text)
    zulu = pc.binary_join_element_wise(text, "Z", "")
    text = pc.if_else(pc.match_substring_regex(text, _ZONE), text, zulu)
    # Nanoseconds reach from 1677 to 2262 only, so they are asked for only where the text has them.
    unit = "ns" if pc.any(pc.match_substring_regex(text, _NANOSECONDS)).as_py() else "us"
    try:
        return text.cast(pa.timestamp(unit, tz="UTC"))
    except pa.ArrowInvalid as error:  # of the right form, but no such day or hour
        raise UnsafeCast(f"{str(error).partition(' as a scalar')[0]}: there is no such time") from error


def nan_to_null(column: pa.Array) -> pa.Array:
    """A float column with NULL where it had NaN, which BigQuery's aggregates would spread."""
    nan = pc.is_nan(column)
    if not pc.any(nan).as_py():
        return column
    return pc.if_else(nan, pa.scalar(None, column.type), column)


def _outside(column: pa.Array, first: pa.Scalar, last: pa.Scalar) -> pa.Array:
    return pc.or_(pc.less(column, first), pc.greater(column, last))


def _refuse(column: pa.Array, mask: pa.Array, reason: str) -> None:
    """Raise UnsafeCast for the first value where `mask` is true; a NULL of the mask is no."""
    if pc.any(mask).as_py():
        row = pc.index(mask, True).as_py()
        value = column.slice(row, 1).cast(pa.string())[0].as_py()
        raise UnsafeCast(f"{value!r} {reason}")


_CASTS: Mapping[pa.DataType, Callable[[pa.Array], pa.Array]] = {
    pa.string(): _to_string,
    pa.binary(): _to_bytes,
    pa.int64(): _to_int64,
    pa.float64(): _to_float64,
    pa.bool_(): _to_bool,
    pa.date32(): _to_date,
    MICROSECONDS: _to_timestamp,
}
