"""Which of a file's columns fills which leaf of a contract: by name, by path, or by the object's name."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

import pyarrow as pa

from cbi.contract.casts import Cast, find_cast
from cbi.contract.feed import ARROW_TYPES, Feed, Field, Leaf
from cbi.contract.file_columns import FileColumns, name_of
from cbi.contract.near_names import NearNames
from cbi.contract.place import Place
from cbi.contract.unsafe_cast import UnsafeCast
from cbi.findings import ColumnTypeError

# What Hive and Spark call the folder of the rows that have no value.
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Binding:
    """How a file's columns fill a contract's leaves; what they are called is the contract's `sources`.

    `unknown` names the file's columns that fill none, fields of STRUCTs by path where others of the STRUCT
    do, `unknown_leaves` always by path, and `absent` the sources that are not in the file. `rescued` are the
    unknown ones where the feed keeps them, `near_misses` those that are perhaps meant by an absent source.
    """

    casts: Mapping[str, Cast]
    errors: tuple[ColumnTypeError, ...]
    absent: tuple[str, ...]
    unknown: tuple[str, ...]
    unknown_leaves: tuple[str, ...]
    rescued: Mapping[str, Place]
    near_misses: Mapping[str, str]


def bind(feed: Feed, schema: pa.Schema, object_name: str = "") -> Binding:
    """Find where a file with this schema, under this name in its bucket, has what the contract wants."""
    columns = FileColumns(schema)
    casts: dict[str, Cast] = {}
    errors: list[ColumnTypeError] = []
    absent: list[str] = []
    found = _places(feed, columns)
    for source, leaf in feed.sources.items():
        places = found.get(source, ())
        bound = _bind_leaf(leaf, source, places, columns, object_name)
        if isinstance(bound, Cast):
            casts[source] = replace(bound, nan_kept=True) if feed.nan == "keep" else bound
        elif bound is not None:
            errors.append(bound)
        if not places and source not in casts:
            absent.append(source)
    taken = {place for places in found.values() for place in places}
    unknown = tuple(columns.names_besides(taken))
    if feed.unknown_columns == "rescue":
        errors += _unknown_twice(columns, unknown)
    unknown_leaves = tuple(columns.leaf_names_besides(taken))
    near = dict(_near_misses(feed, absent, NearNames(unknown_leaves)))
    errors += [_near_miss(feed.sources[source].field, source, meant) for source, meant in near.items()]
    rescued = {name: columns.named(name)[0] for name in unknown} if feed.unknown_columns == "rescue" else {}
    return Binding(casts, tuple(errors), tuple(absent), unknown, unknown_leaves, rescued, near)


def _places(feed: Feed, columns: FileColumns) -> dict[str, Sequence[Place]]:
    """Where each source is in a file, by its very name, or else in another case where no other has that."""
    wanted = {source: leaf.column or "" for source, leaf in feed.sources.items() if leaf.constant is None}
    found = {source: places for source, name in wanted.items() if (places := columns.named(name))}
    if feed.names == "exact":
        return found
    used = {place for places in found.values() for place in places}
    times = Counter(name.casefold() for name in set(wanted.values()))
    for source, name in wanted.items():
        if source in found or times[name.casefold()] > 1:
            continue
        if others := [place for place in columns.named_ignoring_case(name) if place not in used]:
            found[source] = others
    return found


def _bind_leaf(
    leaf: Leaf, source: str, places: Sequence[Place], columns: FileColumns, object_name: str
) -> Cast | ColumnTypeError | None:
    """How a leaf is filled, why it cannot be, or None where nothing fills it."""
    wanted = leaf.field.type
    if leaf.constant is not None:
        return Cast(leaf.constant.type, leaf.constant.type, False, place=Place(None, value=leaf.constant))
    if len(places) > 1:
        names = dict.fromkeys(name_of(place) for place in places)
        if len(names) == 1:
            message = f"the file has {len(places)} columns called {source}; write it once"
        else:
            message = f"the file has {' and '.join(names)}, any of which may be {source}; write {source} once"
        return ColumnTypeError(source, f"{len(places)} columns", wanted, message)
    if places:
        kind = columns.type_of(places[0])
        cast = find_cast(kind, wanted, leaf.field.times, places[0])
        if cast is None:
            message = f"{source} is {kind}, which cannot become {wanted} safely; write it as {wanted}"
            return ColumnTypeError(source, str(kind), wanted, message)
        return cast
    if leaf.field.from_path is not None:
        return _bind_object_name(leaf.field, source, object_name)
    return None


def _bind_object_name(field: Field, source: str, object_name: str) -> Cast | ColumnTypeError:
    pattern = field.from_path or ""
    found = re.search(pattern, object_name)
    if found is None:
        said = f"{pattern} is not in the object's name, {object_name or 'which is not known'}"
        message = f"{source} comes from that name, and {said}; drop the file under a name that has it"
        return ColumnTypeError(source, "the object's name", field.type, message)
    text = unquote(found[1])
    try:
        value = _parse(None if text == _HIVE_NULL else text, field)
    except (UnsafeCast, pa.ArrowInvalid) as error:
        message = f"{source} is {text!r} in the object's name, which is no {field.type}: {error}"
        return ColumnTypeError(source, "the object's name", field.type, message)
    return Cast(value.type, value.type, False, place=Place(None, value=value))


def _parse(text: str | None, field: Field) -> pa.Scalar:
    values = pa.array([text], pa.string())
    cast = find_cast(values.type, field.type, field.times)
    return (values.cast(ARROW_TYPES[field.type]) if cast is None else cast.apply(values))[0]


def _unknown_twice(columns: FileColumns, unknown: Sequence[str]) -> Iterator[ColumnTypeError]:
    for name in unknown:
        if (times := len(columns.named(name))) > 1:
            message = f"the file has {times} columns called {name}; write it once"
            yield ColumnTypeError(name, f"{times} columns", "JSON", message)


def _near_misses(feed: Feed, absent: Sequence[str], near: NearNames) -> Iterator[tuple[str, str]]:
    """Columns that a file lacks and has under a name so near that NULLs would hide a mistake."""
    wanted = [source for source in absent if not feed.sources[source].field.optional]
    for source in wanted:
        leaf = feed.sources[source]
        if leaf.field.required or leaf.field.from_path is not None or leaf.column is None:
            continue
        if found := near.find(leaf.column, len(wanted)):
            yield source, found


def _near_miss(field: Field, source: str, found: str) -> ColumnTypeError:
    message = (
        f"{source} is not in the file, which has {found!r}: rename that, or let the contract say"
        f" `source: {found}`, or `optional: true` where that is another thing"
    )
    return ColumnTypeError(source, f"a column called {found}", field.type, message)
