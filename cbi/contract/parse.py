"""From a contract's YAML to a Feed, or to what is wrong with it and where."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from cbi.contract.feed import Contract, Feed
from cbi.contract.problem import Path, Problem
from cbi.contract.rules import find_problems
from cbi.contract.strict_yaml import Document, MalformedYaml, read_yaml
from cbi.decoding import ready
from cbi.errors import Misconfigured

RENAMED_KEYS: Mapping[str, str] = {"enrich_way": "enrich_strategy"}
"""Keys of earlier versions, with what they are called now."""

_SHOWN_CHARACTERS = 60


def read_feed(file: FilePath) -> Feed:
    """Read a contract's YAML file, whose name is the feed's.

    Raises Misconfigured with the file, the line, the path of the value, what is found and what is wanted.
    """
    return parse_text(file.stem, file.read_bytes(), "/".join(file.parts[-3:]))


def parse_text(name: str, content: bytes, where: str) -> Feed:
    """Make a Feed of a contract's YAML, which is said to stand at `where`. Raises Misconfigured."""
    document = _read(content, where)
    feed = _decode(name, document.value)
    if isinstance(feed, Problem):
        raise Misconfigured(f"{where}:{document.line_of(feed.path)}: {feed}")
    return feed


def find_mistakes(file: FilePath) -> list[str]:
    """All that is wrong with a contract's YAML file, each mistake as `read_feed` says the first.

    A value of a wrong shape, or what is no YAML, hides what comes after it.
    """
    where = "/".join(file.parts[-3:])
    try:
        document = _read(file.read_bytes(), where)
    except Misconfigured as error:
        return [str(error)]
    decoded = _decode_shape(file.stem, document.value)
    problems = [decoded] if isinstance(decoded, Problem) else list(find_problems(decoded))
    return [f"{where}:{document.line_of(problem.path)}: {problem}" for problem in problems]


def _read(content: bytes, where: str) -> Document:
    try:
        return read_yaml(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Misconfigured(f"{where}:{line}: not UTF-8; the file must be saved as UTF-8") from error
    except MalformedYaml as error:
        raise Misconfigured(f"{where}:{error.line}: {error}") from error


def parse_feed(name: str, definition: Any) -> Feed:
    """Make a Feed of a contract's keys. Raises Misconfigured as `read_feed` does, but without a line."""
    feed = _decode(name, definition)
    if isinstance(feed, Problem):
        raise Misconfigured(f"feed {name}: {feed}")
    return feed


def _decode(name: str, definition: Any) -> Feed | Problem:
    """The contract, or the first thing that is wrong with it."""
    feed = _decode_shape(name, definition)
    return feed if isinstance(feed, Problem) else next(find_problems(feed), feed)


def _decode_shape(name: str, definition: Any) -> Feed | Problem:
    """The contract as its values' shapes allow it, or the first value of a wrong one."""
    if isinstance(definition, dict) and definition.get("check_existing_keys") is False:
        definition = {**definition, "check_existing_keys": "off"}  # YAML reads a bare `off` as false
    try:
        contract = msgspec.convert(definition, ready(Contract), builtin_types=(date,))
    except msgspec.ValidationError as error:
        return _translate(str(error), definition)
    for path in _find_nulls(definition, ()):  # a default is for a key that is absent, not for one left empty
        return Problem(path, f"is empty; it must be {_type_at(path).wanted}, or the key absent")
    return Feed.of(name, contract)


def _find_nulls(value: Any, path: Path) -> Iterator[Path]:
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _find_nulls(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _find_nulls(item, (*path, number))


def _translate(message: str, definition: Any) -> Problem:
    """What msgspec says of a value, in the contract's own words.

    Its messages end with the place, as in "Expected `str`, got `int` - at `$.schema[3].type`".
    """
    said, _, place = message.rpartition(" - at `$")
    if "unknown field" in (said or message):
        # The unknown key is quoted in the message, and may itself look like a place.
        at_root = next(_unknown_keys((), definition), None)
        return at_root or next(_unknown_keys(_parse_place(place, definition), definition))
    path = _parse_place(place, definition) if said else ()
    if missing := re.fullmatch(r"Object missing required field `(\w+)`", said or message):
        path = (*path, missing[1])
        return Problem(path, f"is missing; it must be {_type_at(path).wanted}")
    found, wanted = _value_at(definition, path), _type_at(path).wanted
    # YAML reads `no`, `12` and dates as something else than text.
    quotes = ", in quotes if need be" if "text" in wanted and not isinstance(found, str | list | dict) else ""
    return Problem(path, f"is {_show(found)}; it must be {wanted}{quotes}")


def _parse_place(place: str, definition: Any) -> Path:
    """msgspec's `.schema[3].type` as a path. It writes `[...]` for a key of a map, whose values are text."""
    path: Path = ()
    for key, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", place):
        if index == "...":
            entries = _value_at(definition, path).items()
            path = (*path, next(name for name, value in entries if not isinstance(value, str)))
        else:
            path = (*path, key or int(index))
    return path


def _unknown_keys(path: Path, definition: Any) -> Iterator[Problem]:
    """The keys of the map at a path that its type does not have."""
    known = _type_at(path).keys
    for key in _value_at(definition, path):
        if not path and key in RENAMED_KEYS:
            yield Problem((key,), f"is called {RENAMED_KEYS[key]} now; rename the key")
        elif key not in known:
            yield Problem((*path, key), f"is not known; keys here are {', '.join(known)}")


def _value_at(definition: Any, path: Path) -> Any:
    for step in path:
        definition = definition[step]
    return definition


def _show(value: Any) -> str:
    """A value as it is named in a message."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a map" if value else "an empty map"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case date():
            return f"the date {value}"
        case str() if len(value) > _SHOWN_CHARACTERS:
            return f"{value[:_SHOWN_CHARACTERS]!r}… ({len(value):,} characters)"
    return repr(value)


class _Expected(NamedTuple):
    """What a contract has at a path: its type in words, and the keys if it is a map of fixed ones."""

    wanted: str
    keys: Sequence[str] = ()


def _type_at(path: Path) -> _Expected:
    kind, description = _unwrap(inspect.type_info(Contract))
    for step in path:
        match kind:
            case inspect.StructType():
                kind, description = _unwrap(
                    next(field.type for field in kind.fields if field.encode_name == step)
                )
            case inspect.VarTupleType():
                kind, description = _unwrap(kind.item_type)
            case inspect.DictType():
                kind, description = _unwrap(kind.value_type)
    if isinstance(kind, inspect.StructType):
        keys = [field.encode_name for field in kind.fields]
        return _Expected(description or f"a map with the keys {', '.join(keys)}", keys)
    return _Expected(description)


def _unwrap(kind: inspect.Type) -> tuple[inspect.Type, str]:
    """A type without what may be None and what is said of it, and what is said."""
    description = ""
    while True:
        if isinstance(kind, inspect.Metadata):
            description = (kind.extra_json_schema or {}).get("description", description)
            kind = kind.type
        elif isinstance(kind, inspect.UnionType):
            kind = next(member for member in kind.types if not isinstance(member, inspect.NoneType))
        else:
            return kind, description
