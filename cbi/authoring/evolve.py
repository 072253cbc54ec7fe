"""A contract's text with fields for new columns, and everything else in it as it was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from cbi.authoring.contract_text import flow_field
from cbi.authoring.difference import Difference
from cbi.authoring.layout import DraftField
from cbi.authoring.names import Names
from cbi.contract.feed import Feed, Field
from cbi.contract.parse import parse_text

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Evolved:
    """A contract's new text, the paths of the leaves it has gained, and what was not done, in sentences."""

    text: str
    added: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True)
class _Addition:
    """A field to be added to the STRUCT of this name, or to the table."""

    struct: str | None
    field: DraftField


def evolve(text: str, feed: Feed, difference: Difference) -> Evolved:
    """Add a NULLABLE field for each new column of a known type; nothing is changed or removed.

    `text` is the contract that `feed` was read from.
    """
    additions = list(_additions(feed, difference))
    text = _insert(text, additions)
    parse_text(feed.name, text.encode(), f"the new contract of {feed.name}")
    added = (".".join(filter(None, (addition.struct, addition.field.name))) for addition in additions)
    return Evolved(text, tuple(added), tuple(_refused(difference)))


def _refused(difference: Difference) -> Iterator[str]:
    for name, guess in difference.new.items():
        if guess.best is None:
            yield f"{name} is not added: it is {guess.found[0]}, which no table here takes"
    yield from (f"{name} is not removed: a file lacks it, and loads NULL" for name in difference.missing)
    yield from (f"nothing is changed of this: {sentence}" for sentence in difference.changed)


def _additions(feed: Feed, difference: Difference) -> Iterator[_Addition]:
    top = Names(field.name for field in feed.schema)
    inner = {field.name: Names(each.name for each in field.fields) for field in feed.schema if field.fields}
    for source, guess in difference.new.items():
        if guess.best is None or source in difference.near:
            continue
        struct, text = _struct_for(source, feed.schema)
        name = (top if struct is None else inner[struct]).legal(text)
        yield _Addition(struct, DraftField(name, guess.best, source=None if name == source else source))


def _struct_for(source: str, schema: Sequence[Field]) -> tuple[str | None, str]:
    """The STRUCT of the table that has this column's siblings, if one has, and what to call it there.

    Siblings are fields of the same STRUCT of the file, or columns with the same beginning up to a _ that is
    the STRUCT's name.
    """
    folder, dot, rest = source.rpartition(".")
    prefix, underscore, after = source.partition("_")
    for field in schema:
        siblings = [each.source or "" for each in field.fields]
        if dot and any(sibling.rpartition(".")[0] == folder for sibling in siblings):
            return field.name, rest
        if underscore and field.name == prefix and any(each.startswith(f"{prefix}_") for each in siblings):
            return field.name, after
    return None, source


def _insert(text: str, additions: Sequence[_Addition]) -> str:
    """Add fields at the end of the lists they belong to, in the form that each list has."""
    root = yaml.compose(text, Loader=_Loader)
    by_struct: dict[str | None, list[str]] = {}
    for addition in additions:
        by_struct.setdefault(addition.struct, []).append(flow_field(addition.field))
    lists = [(_list_of_fields(root, struct), fields) for struct, fields in by_struct.items()]
    lines = text.split("\n")
    # From the end, so that the places before stay what they are.
    for place, fields in sorted(lists, key=lambda found: _end(found[0]), reverse=True):
        line, column = _end(place)
        if place.flow_style:
            before, after = lines[line][: column - 1].rstrip(), lines[line][column - 1 :]
            comma = "" if before.endswith((",", "[")) else ","
            lines[line] = f"{before}{comma} {', '.join(fields)}{after}"
        else:
            indent = " " * place.start_mark.column
            lines[line + 1 : line + 1] = [f"{indent}- {field}" for field in fields]
    return "\n".join(lines)


def _list_of_fields(root: Any, struct: str | None) -> Any:
    """The node of the table's fields, or of a STRUCT's."""
    fields = _value(root, "schema")
    if struct is None:
        return fields
    (member,) = (item for item in fields.value if _value(item, "name").value == struct)
    return _value(member, "fields")


def _value(node: Any, key: str) -> Any:
    return next(value for name, value in node.value if name.value == key)


def _end(node: Any) -> tuple[int, int]:
    """The line and the column behind a value; a block is said to end where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    mark = node.end_mark
    return (mark.line - 1, 0) if mark.column == 0 else (mark.line, mark.column)
