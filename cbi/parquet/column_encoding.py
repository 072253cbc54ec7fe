"""Which columns of a staged file can stay as they are stored, and how their schema element must then read."""

from dataclasses import dataclass

import pyarrow as pa
from pyarrow import types

from cbi.contract.casts import MICROSECONDS, Cast
from cbi.parquet.footer import Physical, Repetition, SchemaElement
from cbi.parquet.thrift import Struct, binary, integer
from cbi.parquet.thrift_types import BINARY, I32, STRUCT, TRUE

_EMPTY = Struct().encode()

# The members of the union LogicalType, and the members of ConvertedType, its forerunner.
_STRING, _DATE, _TIMESTAMP = 1, 6, 8
_UTF8, _CONVERTED_DATE, _CONVERTED_MILLIS, _CONVERTED_MICROS = 0, 6, 9, 10
_UNITS = {"ms": (1, _CONVERTED_MILLIS), "us": (2, _CONVERTED_MICROS)}


@dataclass(frozen=True)
class Storage:
    """How a leaf's values are stored in the spliced file.

    `element` is its schema element without name and repetition; `arrow` the type whose values are encoded so.
    """

    element: Struct
    arrow: pa.DataType
    required: bool

    def named(self, name: str) -> bytes:
        """The schema element for a leaf of this name."""
        repetition = Repetition.REQUIRED if self.required else Repetition.OPTIONAL
        named = {3: (I32, integer(repetition)), 4: (BINARY, binary(name.encode()))}
        return self.element.replaced(named).encode()


def keep(element: SchemaElement, cast: Cast) -> Storage | None:
    """How a column's bytes are to be called so that they read as the leaf wants them; None where they cannot.

    Numbers may stay narrower than the leaf (INT32 for INT64, FLOAT for FLOAT64, milliseconds): BigQuery
    widens them. https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#parquet_conversions
    NaNs are not looked at.
    """
    found = cast.found.value_type if types.is_dictionary(cast.found) else cast.found
    stored = _stored(element, found, cast.wanted)
    if stored is None or element.physical is None:
        return None
    arrow, annotation = stored
    described = {1: (I32, integer(element.physical)), **annotation}
    return Storage(Struct(described), arrow, element.repetition == Repetition.REQUIRED)


def made(wanted: pa.DataType, required: bool) -> Storage:
    """How values of a contract's type are stored where they are encoded anew."""
    arrow, annotation = wanted, dict[int, tuple[int, bytes]]()
    if wanted == MICROSECONDS:
        annotation = _timestamp("us")
    elif types.is_string(wanted):
        annotation = _annotation(_STRING, _UTF8)
    elif types.is_date(wanted):
        annotation = _annotation(_DATE, _CONVERTED_DATE)
    return Storage(Struct({1: (I32, integer(_PHYSICAL[wanted])), **annotation}), arrow, required)


_PHYSICAL = {
    pa.string(): Physical.BYTE_ARRAY,
    pa.binary(): Physical.BYTE_ARRAY,
    pa.int64(): Physical.INT64,
    pa.float64(): Physical.DOUBLE,
    pa.bool_(): Physical.BOOLEAN,
    pa.date32(): Physical.INT32,
    MICROSECONDS: Physical.INT64,
}


def _stored(
    element: SchemaElement, found: pa.DataType, wanted: pa.DataType
) -> tuple[pa.DataType, dict[int, tuple[int, bytes]]] | None:
    """The Arrow type and the annotation of a column that can stay; `found` is how Arrow reads it."""
    match element.physical:
        case Physical.BYTE_ARRAY if _is_bytes(found) and wanted == pa.string():
            return wanted, _annotation(_STRING, _UTF8)
        case Physical.BYTE_ARRAY if _is_bytes(found) and wanted == pa.binary():
            return wanted, {}
        case Physical.INT64 if types.is_integer(found) and wanted == pa.int64():
            return wanted, {}  # also unsigned ones, which the cast has found to be below 2^63
        case Physical.INT32 if types.is_integer(found) and wanted == pa.int64():
            return found, {n: element.struct[n] for n in (6, 10) if n in element.struct}
        case Physical.DOUBLE if found == wanted == pa.float64():
            return wanted, {}
        case Physical.FLOAT if found == pa.float32() and wanted == pa.float64():
            return found, {}
        case Physical.BOOLEAN if found == wanted == pa.bool_():
            return wanted, {}
        case Physical.INT32 if types.is_date(found) and wanted == pa.date32():
            return wanted, _annotation(_DATE, _CONVERTED_DATE)
        case Physical.INT64 if types.is_timestamp(found) and wanted == MICROSECONDS:
            if found.unit == _unit(element):
                return pa.timestamp(found.unit, "UTC"), _timestamp(found.unit)
    return None


def _is_bytes(found: pa.DataType) -> bool:
    return any(
        test(found)
        for test in (
            types.is_string,
            types.is_large_string,
            types.is_string_view,
            types.is_binary,
            types.is_large_binary,
            types.is_binary_view,
        )
    )


def _unit(element: SchemaElement) -> str | None:
    """The unit of a stored time: ms, us, or None for any other."""
    logical = element.struct.struct(10)
    timestamp = None if logical is None else logical.struct(_TIMESTAMP)
    unit = None if timestamp is None else timestamp.struct(2)
    for name, (member, converted) in _UNITS.items():
        if unit is not None and member in unit:
            return name
        if unit is None and element.struct.integer(6) == converted:
            return name
    return None


def _timestamp(unit: str) -> dict[int, tuple[int, bytes]]:
    """A point in time, not one of a clock without a zone, which BigQuery loads as DATETIME."""
    member, converted = _UNITS[unit]
    timestamp = Struct({1: (TRUE, b""), 2: (STRUCT, Struct({member: (STRUCT, _EMPTY)}).encode())})
    return _annotation(_TIMESTAMP, converted, timestamp)


def _annotation(logical: int, converted: int, content: Struct | None = None) -> dict[int, tuple[int, bytes]]:
    union = Struct({logical: (STRUCT, (content or Struct()).encode())}).encode()
    return {6: (I32, integer(converted)), 10: (STRUCT, union)}
