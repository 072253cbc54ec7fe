"""What a contract may not say of where a column's values come from, and how they are read."""

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from cbi.contract.feed import Field
from cbi.contract.problem import Path, Problem

# The directives that Arrow reads and writes alike, on every system.
_DIRECTIVES = "YymdbBHMS%"
_DATE_DIRECTIVES = ("Yy", "mbB", "d")


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
    if field.format is not None:
        yield from _format_problems(field.format, (*path, "format"))
    if field.timezone is not None and not _is_time_zone(field.timezone):
        wanted = "it must be one of the IANA time zone database, such as America/New_York"
        yield Problem((*path, "timezone"), f"is {field.timezone!r}, which is not known; {wanted}")


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
