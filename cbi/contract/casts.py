"""Which column types can fill which leaf without loss, and the casts themselves.

A cast keeps every value or raises; the only things it changes are NaN, which becomes NULL unless the contract
keeps it, and time below the microsecond, which BigQuery cannot hold: it is cut off (`count_cut` says how
often).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from cbi.contract.feed import ARROW_TYPES
from cbi.contract.place import NOWHERE, Place
from cbi.contract.text import is_text, to_text
from cbi.contract.times import ISO_TIMES, TimeSource, to_date, to_timestamp
from cbi.contract.unsafe_cast import UnsafeCast, refuse


@dataclass(frozen=True)
class Cast:
    """How a file's column becomes a leaf.

    `may_fail` says that only the values can tell whether it is safe, so that they must be looked at before
    anything is loaded; `keeps` that the column is already as the leaf wants it, but perhaps for NaNs, which
    become NULL unless they are `nan_kept`. `place` is where the values are.
    """

    found: pa.DataType
    wanted: pa.DataType
    may_fail: bool
    times: TimeSource = ISO_TIMES
    place: Place = NOWHERE
    nan_kept: bool = False

    @property
    def keeps(self) -> bool:
        return bool(self.found == self.wanted)

    @property
    def keeps_meaning(self) -> bool:
        """Whether what is stored in the file means the leaf's value, so that its bytes may serve."""
        return not self.times.changes(self.found)

    def read(self, batch: pa.RecordBatch) -> pa.Array:
        """The leaf's values in a batch of the file. Raises UnsafeCast, naming the first bad value."""
        return self.apply(self.place.values(batch))

    def apply(self, column: pa.Array) -> pa.Array:
        """Cast a column of type `found` to `wanted`. Raises UnsafeCast, naming the first bad value."""
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if types.is_null(column.type):
            return pa.nulls(len(column), self.wanted)
        try:
            if types.is_date(self.wanted):
                return to_date(column, self.times)
            if types.is_timestamp(self.wanted):
                return to_timestamp(column, self.times)
            if self.nan_kept and types.is_floating(column.type) and types.is_floating(self.wanted):
                return column.cast(self.wanted)
            return _CASTS[self.wanted](column)
        except pa.ArrowInvalid as error:
            raise UnsafeCast(str(error)) from error


def find_cast(
    found: pa.DataType, field_type: str, times: TimeSource = ISO_TIMES, place: Place = NOWHERE
) -> Cast | None:
    """The cast from a parquet column's type to a contract's type, or None where there is no safe one."""
    wanted = ARROW_TYPES[field_type]
    values = found.value_type if types.is_dictionary(found) else found
    if types.is_null(values):
        return Cast(found, wanted, may_fail=False, place=place)
    if field_type in ("DATE", "TIMESTAMP"):
        return Cast(found, wanted, may_fail=True, times=times, place=place) if times.takes(values) else None
    safe, by_value = _ACCEPTED[field_type]
    if safe(values):
        return Cast(found, wanted, may_fail=False, place=place)
    if by_value(values):
        return Cast(found, wanted, may_fail=True, place=place)
    return None


def _is_bytes(found: pa.DataType) -> bool:
    return bool(
        types.is_binary(found)
        or types.is_large_binary(found)
        or types.is_binary_view(found)
        or types.is_fixed_size_binary(found)
    )


def _is_number(found: pa.DataType) -> bool:
    return bool(types.is_integer(found) or types.is_floating(found))


def _is_exact_in_double(found: pa.DataType) -> bool:
    return bool(types.is_floating(found) or (types.is_integer(found) and found.bit_width <= 32))


def _never(found: pa.DataType) -> bool:
    return False


# For each type of the contract: what is always safe, and what only the values can tell.
_ACCEPTED: Mapping[str, tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], bool]]] = {
    "STRING": (_never, lambda t: is_text(t) or _is_bytes(t)),
    "BYTES": (lambda t: is_text(t) or _is_bytes(t), _never),
    "INT64": (
        lambda t: types.is_integer(t) and t != pa.uint64(),
        lambda t: _is_number(t) or types.is_decimal(t),
    ),
    "FLOAT64": (_is_exact_in_double, lambda t: types.is_integer(t) or types.is_decimal(t)),
    "BOOL": (types.is_boolean, _is_number),
}


def _to_bytes(column: pa.Array) -> pa.Array:
    return column.cast(pa.binary())


def _to_float64(column: pa.Array) -> pa.Array:
    if types.is_decimal(column.type):
        # By way of text, as Arrow itself makes 0.47000000000000003 of 0.47.
        numbers = column.cast(pa.string()).cast(pa.float64())
        changed = pc.not_equal(numbers.cast(column.type, safe=False), column)
        refuse(column, changed, "has more digits than FLOAT64 holds")
        return numbers
    return nan_to_null(column.cast(pa.float64()))


def _to_int64(column: pa.Array) -> pa.Array:
    if types.is_floating(column.type):
        column = _to_float64(column)
        whole = pc.and_(pc.is_finite(column), pc.equal(pc.trunc(column), column))
        refuse(column, pc.invert(whole), "is not a whole number")
    if types.is_decimal(column.type):
        refuse(column, pc.not_equal(pc.round(column), column), "is not a whole number")
    return column.cast(pa.int64())


def _to_bool(column: pa.Array) -> pa.Array:
    if not types.is_boolean(column.type):
        column = _to_float64(column) if types.is_floating(column.type) else column
        other = pc.invert(pc.is_in(column, pa.array([0, 1]).cast(column.type), skip_nulls=True))
        refuse(column, pc.and_(other, pc.is_valid(column)), "is neither 0 nor 1")
    return column.cast(pa.bool_())


def nan_to_null(column: pa.Array) -> pa.Array:
    """A float column with NULL where it had NaN, which BigQuery's aggregates would spread."""
    nan = pc.is_nan(column)
    if not pc.any(nan).as_py():
        return column
    return pc.if_else(nan, pa.scalar(None, column.type), column)


_CASTS: Mapping[pa.DataType, Callable[[pa.Array], pa.Array]] = {
    pa.string(): to_text,
    pa.binary(): _to_bytes,
    pa.int64(): _to_int64,
    pa.float64(): _to_float64,
    pa.bool_(): _to_bool,
}
