"""What a contract may not say of where a column's values come from, and how they are read."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from cbi.contract.feed import Field
from cbi.contract.problem import Path, Problem

# The directives that Arrow reads and writes alike, on every system.
_DIRECTIVES = "YymdbBHMS%"
_DATE_DIRECTIVES = ("Yy", "mbB", "d")

# What YAML has for each type.
_CONSTANTS: Mapping[str, tuple[type, ...]] = {
    "STRING": (str,),
    "INT64": (int,),
    "FLOAT64": (int, float),
    "BOOL": (bool,),
    "DATE": (date,),
    "TIMESTAMP": (datetime,),
}


def source_problems(field: Field, path: Path) -> Iterator[Problem]:
    """What is wrong with a field's source."""
    if field.type == "STRUCT" and field.source is not None:
        yield Problem(
            (*path, "source"), "is there although the type is STRUCT; only its fields have a source"
        )
    for key, value in (("format", field.format), ("timezone", field.timezone)):
        if value is not None and field.type not in ("DATE", "TIMESTAMP"):
            yield Problem((*path, key), f"is there although the type is {field.type}, not DATE or TIMESTAMP")
    if field.read_as is not None and field.type != "DATE":
        yield Problem((*path, "as"), f"is date although the type is {field.type}; it must be DATE")
    if field.from_path is not None:
        yield from _from_path_problems(field, (*path, "from_path"))
    if field.constant is not None:
        yield from _constant_problems(field, path)
    if field.format is not None:
        yield from _format_problems(field.format, (*path, "format"))
    if field.timezone is not None and not _is_time_zone(field.timezone):
        wanted = "it must be one of the IANA time zone database, such as America/New_York"
        yield Problem((*path, "timezone"), f"is {field.timezone!r}, which is not known; {wanted}")


def _from_path_problems(field: Field, path: Path) -> Iterator[Problem]:
    if field.type in ("STRUCT", "BYTES"):
        yield Problem(path, f"is there although the type is {field.type}")
    try:
        groups = re.compile(field.from_path or "").groups
    except re.error as error:
        yield Problem(path, f"is {field.from_path!r}, which is no regular expression: {error}")
    else:
        if groups != 1:
            yield Problem(path, f"is {field.from_path!r}; it must have one group, such as data_date=(.*?)/")


def _constant_problems(field: Field, path: Path) -> Iterator[Problem]:
    others = ("source", field.source), ("from_path", field.from_path), ("format", field.format)
    for key, value in others:
        if value is not None:
            yield Problem((*path, key), "is there beside constant; a column has one of them")
    wanted = _CONSTANTS.get(field.type)
    if wanted is None:
        yield Problem((*path, "constant"), f"is there although the type is {field.type}")
    elif type(field.constant) not in wanted or not _fits(field):
        yield Problem((*path, "constant"), f"is {field.constant!r}; it must be a value of type {field.type}")


def _fits(field: Field) -> bool:
    try:
        return field.constant_value is not None
    except (pa.ArrowException, OverflowError):
        return False


def _format_problems(text: str, path: Path) -> Iterator[Problem]:
    directives = re.findall("%(.?)", text)
    unknown = [f"%{letter}" for letter in directives if letter not in _DIRECTIVES or not letter]
    if unknown:
        known = ", ".join(f"%{letter}" for letter in _DIRECTIVES)
        yield Problem(path, f"has {unknown[0]}; what is read is {known}")
    elif not all(set(one_of) & set(directives) for one_of in _DATE_DIRECTIVES):
        yield Problem(path, f"is {text!r}; it must have the year (%Y), the month (%m) and the day (%d)")


def _is_time_zone(name: str) -> bool:
    try:
        pc.assume_timezone(pa.array([0], pa.timestamp("s")), name)
    except pa.ArrowInvalid:
        return False
    return True
