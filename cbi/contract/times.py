"""Dates and times as files have them, as the DATEs and TIMESTAMPs that are meant."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from cbi.contract.text import is_text, to_text
from cbi.contract.unsafe_cast import UnsafeCast, refuse

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
_LEADING_ZEROS = r"(^|[^0-9])0+([0-9])"


@dataclass(frozen=True)
class TimeSource:
    """What a contract says of a file's times.

    `format` is that of text and of whole numbers, in the directives of strptime; without it text is ISO 8601,
    and numbers are no times. `timezone` is the zone of times that name none (UTC without it), and the one
    whose clocks say which day a time belongs to. `as_date` drops the time of day where a DATE is wanted.
    """

    format: str | None = None
    timezone: str | None = None
    as_date: bool = False

    def takes(self, found: pa.DataType) -> bool:
        """Whether a column of this type may hold times."""
        if types.is_timestamp(found) or types.is_date(found) or is_text(found):
            return True
        is_number = types.is_integer(found) or types.is_floating(found) or types.is_decimal(found)
        return self.format is not None and is_number

    def changes(self, found: pa.DataType) -> bool:
        """Whether times of this type mean others than those they are stored as."""
        return self.timezone is not None and types.is_timestamp(found) and found.tz is None


ISO_TIMES = TimeSource()
"""Times of contracts that say nothing of them."""


def to_date(column: pa.Array, source: TimeSource) -> pa.Array:
    """A column as date32. Raises UnsafeCast."""
    if not types.is_date(column.type):
        local = _local(column, source)
        times = _within_years(local)
        day = pc.floor_temporal(times, unit="day")
        if not source.as_date:
            shown, zone = _as_told(column, local, source)
            refuse(shown, pc.not_equal(times, day), f"{zone}has a time of day, so it is not a date")
        column = day
    dates = column.cast(pa.date32())
    refuse(dates, _outside(dates, _FIRST_DATE, _LAST_DATE), "is not between the years 1 and 9999")
    return dates


def to_timestamp(column: pa.Array, source: TimeSource) -> pa.Array:
    """A column as timestamps in UTC, digits below the microsecond cut off. Raises UnsafeCast."""
    if types.is_timestamp(column.type) or types.is_date(column.type):
        return _within_years(_in_utc(column, source) if source.changes(column.type) else column)
    if source.format is not None:
        return _within_years(_in_utc(_parse_format(column, source.format), source))
    times = _parse_iso(column)
    if source.timezone is None:
        return _within_years(times)
    without_zone = _in_utc(times.cast(pa.timestamp(times.type.unit)), source)
    return _within_years(pc.if_else(_names_zone(column), times, without_zone))


def count_cut(column: pa.Array) -> int:
    """How many times of a column have digits below the microsecond, which are cut off. None do elsewhere."""
    if is_text(column.type):
        cut = pc.match_substring_regex(column.cast(pa.string()), _BELOW_MICROSECONDS)
        return pc.sum(cut).as_py() or 0
    if not (types.is_timestamp(column.type) and column.type.unit == "ns"):
        return 0
    nanoseconds = column.view(pa.int64())
    whole = pc.multiply(pc.divide(nanoseconds, 1000), 1000)
    return pc.sum(pc.not_equal(nanoseconds, whole)).as_py() or 0


def _local(column: pa.Array, source: TimeSource) -> pa.Array:
    """What clocks show: those of the contract's zone, or else of each time's own."""
    if types.is_timestamp(column.type):
        zone = source.timezone if column.type.tz else None
        if zone is not None:
            column = column.cast(pa.timestamp(column.type.unit, zone))
        return pc.local_timestamp(column) if column.type.tz else column
    if source.format is not None:
        return _parse_format(column, source.format)
    if source.timezone is None:
        return _parse_iso(pc.replace_substring_regex(to_text(column), _TIME_ZONE, r"\1"))
    times = _parse_iso(column)
    shown = pc.local_timestamp(times.cast(pa.timestamp(times.type.unit, source.timezone)))
    return pc.if_else(_names_zone(column), shown, pc.local_timestamp(times))


def _as_told(column: pa.Array, local: pa.Array, source: TimeSource) -> tuple[pa.Array, str]:
    """Times as to be told to a person, and the zone they are in."""
    if not types.is_timestamp(column.type):
        return column, ""
    zone = column.type.tz and (source.timezone or column.type.tz)
    return local, f"in {zone} " if zone else ""


def _in_utc(clock: pa.Array, source: TimeSource) -> pa.Array:
    """What clocks show, as times in UTC. Raises UnsafeCast for an hour that comes twice, or not at all."""
    if source.timezone is None:
        return clock.cast(pa.timestamp(clock.type.unit, "UTC"))
    try:
        return pc.assume_timezone(clock, source.timezone).cast(pa.timestamp(clock.type.unit, "UTC"))
    except pa.ArrowInvalid as error:
        raise UnsafeCast(f"{error}; write such a time with its zone") from error


def _within_years(column: pa.Array) -> pa.Array:
    if types.is_timestamp(column.type) and column.type.unit == "ns":
        # In UTC first, because an hour of a local clock may come twice or not at all.
        column = pc.floor_temporal(column.cast(pa.timestamp("ns", tz="UTC")), unit="microsecond")
    times = column.cast(MICROSECONDS)
    refuse(times, _outside(times, _FIRST_TIME, _LAST_TIME), "is not between the years 1 and 9999")
    return times


def _parse_format(column: pa.Array, directives: str) -> pa.Array:
    """Text or whole numbers of a format, as what clocks show, in seconds."""
    if types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if not is_text(column.type):
        column = column.cast(pa.int64())
    text = pc.utf8_trim_whitespace(to_text(column))
    try:
        times = pc.strptime(text, format=directives, unit="s")
    except pa.ArrowInvalid as error:
        raise UnsafeCast(f"{str(error).partition(' as a scalar')[0]}: the format is {directives}") from error
    # Arrow takes a 30th of February for a 1st of March, and 2024123 for 2024-12-3.
    written = pc.strftime(times, format=directives)
    changed = pc.not_equal(_without_leading_zeros(written), _without_leading_zeros(text))
    refuse(text, changed, f"is no date or time of the format {directives}")
    return times


def _without_leading_zeros(text: pa.Array) -> pa.Array:
    return pc.utf8_lower(pc.replace_substring_regex(text, _LEADING_ZEROS, r"\1\2"))


def _names_zone(text: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(to_text(text))
    return pc.and_(
        pc.match_substring_regex(trimmed, _ZONE),
        pc.invert(pc.match_substring_regex(trimmed, _DATE_ONLY)),
    )


def _parse_iso(text: pa.Array) -> pa.Array:
    """ISO 8601 text as times in UTC, which is also meant where it names no zone."""
    text = pc.utf8_trim_whitespace(to_text(text))
    form = "is not a date or time in ISO 8601's extended form, as 2024-01-31 or 2024-01-31T16:00:00Z"
    refuse(text, pc.invert(pc.match_substring_regex(text, _ISO_TIME)), form)
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


def _outside(column: pa.Array, first: pa.Scalar, last: pa.Scalar) -> pa.Array:
    return pc.or_(pc.less(column, first), pc.greater(column, last))
