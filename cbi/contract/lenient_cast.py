"""Casting value by value: what cannot be cast becomes NULL, and is named."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from cbi.contract.casts import Cast
from cbi.contract.unsafe_cast import UnsafeCast

# Most casts say themselves which values they refuse. For the others the values are halved until those are
# found; a column with more different ones than this is not one with a few bad values.
_MOST_SEARCHED = 1_000


@dataclass(frozen=True)
class LenientlyCast:
    """A column in its wanted type, NULL where a value cannot be cast, which `failing` is true for."""

    values: pa.Array
    failing: pa.BooleanArray


def cast_leniently(cast: Cast, column: pa.Array) -> LenientlyCast:
    """Cast what can be cast. Raises UnsafeCast where it cannot be told which values those are."""
    column = _maskable(column)
    failing = pa.repeat(pa.scalar(False), len(column))
    while True:
        try:
            return LenientlyCast(cast.apply(column), failing)
        except UnsafeCast as error:
            found = _search(cast, column, error) if error.rows is None else pc.fill_null(error.rows, False)
            if not pc.any(pc.and_(found, column.is_valid())).as_py():
                raise
            failing = pc.or_(failing, found)
            column = pc.if_else(found, pa.scalar(None, column.type), column)


def _maskable(column: pa.Array) -> pa.Array:
    """The same values in a type of which Arrow can replace some by NULL."""
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_string_view(column.type):
        return column.cast(pa.string())
    if types.is_binary_view(column.type):
        return column.cast(pa.binary())
    return column.cast(pa.float32()) if types.is_float16(column.type) else column


def _search(cast: Cast, column: pa.Array, error: UnsafeCast) -> pa.BooleanArray:
    """Which values of a column cannot be cast, each different one looked at once."""
    encoded = column.dictionary_encode()
    refused, pieces = list[int](), [(0, len(encoded.dictionary))]
    while pieces:
        begin, count = pieces.pop()
        if not _is_refused(cast, encoded.dictionary.slice(begin, count)):
            continue
        if count == 1:
            refused.append(begin)
            if len(refused) > _MOST_SEARCHED:
                message = f"{error}; so are more than {_MOST_SEARCHED:,} other values"
                raise UnsafeCast(message) from error
            continue
        half = count // 2
        pieces += [(begin, half), (begin + half, count - half)]
    found = pc.is_in(encoded.indices, pa.array(refused, encoded.indices.type))
    return pc.and_(found, column.is_valid())


def _is_refused(cast: Cast, values: pa.Array) -> bool:
    try:
        cast.apply(values)
    except UnsafeCast:
        return True
    return False
