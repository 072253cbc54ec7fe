"""How a leaf's values are stored: as a column of the file stores them already, or newly encoded.

BigQuery widens numbers that are narrower than the table's (INT32 for INT64, FLOAT for FLOAT64, milliseconds):
https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#parquet_conversions
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import types

from cbi.parquet import thrift
from cbi.parquet.footer import SchemaElement
from cbi.parquet.spec import ConvertedType, LogicalType, Physical, Repetition, TimestampType, TimeUnit
from cbi.parquet.spec import SchemaElement as Element
from cbi.parquet.thrift import Field, Struct

Annotation = dict[int, Field]
"""The fields of a schema element that say what its physical values mean."""

_UNITS = {
    "ms": (TimeUnit.MILLIS, ConvertedType.TIMESTAMP_MILLIS),
    "us": (TimeUnit.MICROS, ConvertedType.TIMESTAMP_MICROS),
}


@dataclass(frozen=True)
class ColumnEncoding:
    """How a leaf's values are stored in the spliced file.

    `element` is its schema element without name and repetition; `arrow` the type whose values are encoded so.
    """

    element: Struct
    arrow: pa.DataType
    required: bool

    def named(self, name: str) -> bytes:
        """The schema element for a leaf of this name."""
        repetition = Repetition.REQUIRED if self.required else Repetition.OPTIONAL
        named = {
            Element.REPETITION_TYPE: thrift.i32(repetition),
            Element.NAME: thrift.binary(name.encode()),
        }
        return self.element.replaced(named).encode()


def reusable_encoding(
    element: SchemaElement, found: pa.DataType, wanted: pa.DataType
) -> ColumnEncoding | None:
    """How to declare a column's bytes so that they read as a leaf wants them; None where they cannot.

    `found` is the type that Arrow reads, `wanted` the leaf's. Values are not looked at: they must be known to
    fit (unsigned numbers below 2^63, UTF-8 in text), and NaNs are left to the caller.
    """
    if types.is_dictionary(found):
        found = found.value_type
    stored = _as_stored(element, found, wanted)
    if stored is None or element.physical is None:
        return None
    arrow, annotation = stored
    described = Struct({Element.TYPE: thrift.i32(element.physical), **annotation})
    return ColumnEncoding(described, arrow, element.repetition == Repetition.REQUIRED)


def new_encoding(wanted: pa.DataType, required: bool) -> ColumnEncoding:
    """How values of a leaf's type are stored where they are newly encoded."""
    physical, annotation = _NEW[wanted]
    described = Struct({Element.TYPE: thrift.i32(physical), **annotation})
    return ColumnEncoding(described, wanted, required)


def _as_stored(
    element: SchemaElement, found: pa.DataType, wanted: pa.DataType
) -> tuple[pa.DataType, Annotation] | None:
    """The Arrow type and the annotation of a column that can stay."""
    match element.physical:
        case Physical.BYTE_ARRAY if _is_bytes(found) and wanted == pa.string():
            return wanted, _TEXT
        case Physical.BYTE_ARRAY if _is_bytes(found) and wanted == pa.binary():
            return wanted, {}
        case Physical.INT64 if types.is_integer(found) and wanted == pa.int64():
            return wanted, {}
        case Physical.INT32 if types.is_integer(found) and wanted == pa.int64():
            annotations = (Element.CONVERTED_TYPE, Element.LOGICAL_TYPE)
            return found, {field: element.struct[field] for field in annotations if field in element.struct}
        case Physical.DOUBLE if found == wanted == pa.float64():
            return wanted, {}
        case Physical.FLOAT if found == pa.float32() and wanted == pa.float64():
            return found, {}
        case Physical.BOOLEAN if found == wanted == pa.bool_():
            return wanted, {}
        case Physical.INT32 if types.is_date(found) and wanted == pa.date32():
            return wanted, _DATE
        case Physical.INT64 if types.is_timestamp(found) and wanted == _MICROSECONDS:
            if found.unit == _unit(element):
                return pa.timestamp(found.unit, "UTC"), _time(found.unit)
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
    logical = element.struct.struct(Element.LOGICAL_TYPE)
    timestamp = None if logical is None else logical.struct(LogicalType.TIMESTAMP)
    unit = None if timestamp is None else timestamp.struct(TimestampType.UNIT)
    for name, (member, converted) in _UNITS.items():
        if unit is not None and member in unit:
            return name
        if unit is None and element.struct.integer(Element.CONVERTED_TYPE) == converted:
            return name
    return None


def _annotation(logical: int, converted: int, content: Struct | None = None) -> Annotation:
    union = Struct({logical: thrift.struct(content or Struct())})
    return {Element.CONVERTED_TYPE: thrift.i32(converted), Element.LOGICAL_TYPE: thrift.struct(union)}


def _time(unit: str) -> Annotation:
    """A point in time, not one of a clock without a zone, which BigQuery loads as DATETIME."""
    member, converted = _UNITS[unit]
    timestamp = Struct(
        {
            TimestampType.IS_ADJUSTED_TO_UTC: thrift.true(),
            TimestampType.UNIT: thrift.struct(Struct({member: thrift.struct(Struct())})),
        }
    )
    return _annotation(LogicalType.TIMESTAMP, converted, timestamp)


_TEXT = _annotation(LogicalType.STRING, ConvertedType.UTF8)
_DATE = _annotation(LogicalType.DATE, ConvertedType.DATE)
_MICROSECONDS = pa.timestamp("us", tz="UTC")

_NEW: Mapping[pa.DataType, tuple[Physical, Annotation]] = {
    pa.string(): (Physical.BYTE_ARRAY, _TEXT),
    pa.binary(): (Physical.BYTE_ARRAY, {}),
    pa.int64(): (Physical.INT64, {}),
    pa.float64(): (Physical.DOUBLE, {}),
    pa.bool_(): (Physical.BOOLEAN, {}),
    pa.date32(): (Physical.INT32, _DATE),
    _MICROSECONDS: (Physical.INT64, _time("us")),
}
