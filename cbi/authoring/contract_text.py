"""The text of a new contract: YAML as a person would write it, what was guessed as comments."""

import re
from collections.abc import Iterable, Iterator, Sequence

import yaml

from cbi.authoring.layout import DraftField

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?\Z")
_YAML_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def quoted(text: str) -> str:
    """A text as YAML takes it for text, in quotes if need be."""
    if _PLAIN.match(text) and text.lower() not in _YAML_WORDS:
        return text
    written: str = yaml.safe_dump(text, default_style='"', width=2**30, allow_unicode=text.isprintable())
    return written.strip()


def listed(names: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, names))}]"


def comment_lines(text: str) -> Iterator[str]:
    yield from (f"# {line}" if line else "#" for line in text.splitlines())


def schema_lines(fields: Sequence[DraftField], indent: str = "  ") -> Iterator[str]:
    for field in fields:
        if field.comment:
            yield f"{indent}# {field.comment}"
        if field.fields:
            yield f"{indent}- name: {quoted(field.name)}"
            yield f"{indent}  type: STRUCT"
            yield f"{indent}  fields:"
            yield from schema_lines(field.fields, f"{indent}    ")
        else:
            yield f"{indent}- {flow_field(field)}"


def flow_field(field: DraftField) -> str:
    """A field that is no STRUCT, in one line."""
    return f"{{{', '.join(f'{key}: {value}' for key, value in _keys(field))}}}"


def _keys(field: DraftField) -> Iterator[tuple[str, str]]:
    times = field.choice.times
    yield "name", quoted(field.name)
    yield "type", field.choice.type
    if field.required:
        yield "mode", "REQUIRED"
    if field.source is not None:
        yield "source", quoted(field.source)
    if times.format is not None:
        yield "format", quoted(times.format)
    if times.timezone is not None:
        yield "timezone", quoted(times.timezone)
    if times.as_date:
        yield "as", "date"
