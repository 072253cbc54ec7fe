"""Frozen dataclasses to JSON and back, by their type hints."""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")


def to_jsonable(value: Any) -> Any:
    """Dataclasses as objects, tuples as arrays, dates and times in ISO 8601; the rest as it is."""
    if is_dataclass(value):
        return {field.name: to_jsonable(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_jsonable(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [to_jsonable(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    return value


def from_jsonable(kind: type[T], value: Any) -> T:
    """What `to_jsonable` made, as the given dataclass again; hints are dataclasses, scalars, tuples of one
    type, dicts with text keys and unions with None. Keys that a later version added are passed over."""
    made: T = _read(kind, value)
    return made


def _read(hint: Any, value: Any) -> Any:
    if value is None or hint is Any:
        return value
    if is_dataclass(hint) and isinstance(hint, type):
        hints = typing.get_type_hints(hint)
        return hint(**{key: _read(hints[key], each) for key, each in value.items() if key in hints})
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        (present,) = (each for each in arguments if each is not types.NoneType)
        return _read(present, value)
    if origin is tuple:
        return tuple(_read(arguments[0], each) for each in value)
    if origin is dict:
        return {key: _read(arguments[1], each) for key, each in value.items()}
    if hint in (date, datetime):
        return hint.fromisoformat(value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    return value
