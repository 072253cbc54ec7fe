"""YAML as plain values, each with its line. What a contract has no use for is refused, not guessed at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from cbi.contract.problem import Path, Problem

# libyaml, where PyYAML was built with it: it takes a tenth of the time.
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp")}
_LONGEST_NUMBER = 40
_DEEPEST = 100


class MalformedYaml(ValueError):
    """A text that is not YAML as it is wanted here. `line` begins at 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """The one value of a YAML text, and the lines (from 1) of it and of every value in it."""

    value: Any
    lines: Mapping[Path, int]

    def line_of(self, path: Path) -> int:
        """The line of a value, or of the innermost one around it where it is missing."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def read_yaml(text: str) -> Document:
    """Parse a YAML text into maps, lists, text, numbers, booleans, dates and None.

    Raises MalformedYaml for anything else that YAML can say, and for what is allowed there and is a mistake
    here: a key twice in one map, where the last one would win, a key that is not text, and an alias, which
    lets a short text stand for an endless one.
    """
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise MalformedYaml(mark.line + 1 if mark else 1, f"not YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:  # an odd character; too many levels
        raise MalformedYaml(1, f"not YAML: {error}") from error
    if root is None:
        raise MalformedYaml(1, "the file is empty; it must be a map of a contract's keys")
    reader = _Reader(loader)
    return Document(reader.read(root, (), _line(root)), reader.lines)


class _Reader:
    """Turns nodes into values and keeps their lines: of a value in a map, that of its key."""

    def __init__(self, loader: Any) -> None:
        self.lines: dict[Path, int] = {}
        self._loader = loader
        self._seen: set[int] = set()

    def read(self, node: yaml.Node, path: Path, line: int) -> Any:
        self.lines[path] = line
        if id(node) in self._seen:
            raise _malformed(line, path, "is an alias of another value; write that value out")
        self._seen.add(id(node))
        if len(path) > _DEEPEST:
            raise MalformedYaml(line, f"a value is nested more than {_DEEPEST} levels deep")
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._read_map(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return self._read_list(node, path, line)
        if isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN_TAGS:
            return self._read_scalar(node, path, line)
        tag = node.tag.removeprefix(_TAG)
        raise _malformed(line, path, f"has the tag {tag!r}; it must be a plain value; text may be in quotes")

    def _read_map(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = key_node.value, _line(key_node)
            if key_node.tag != _TAG + "str":
                what = repr(key) if isinstance(key_node, yaml.ScalarNode) else "that is a list or a map"
                raise _malformed(line, path, f"has a key {what}; keys must be text, in quotes if need be")
            if key in values:
                first = self.lines[(*path, key)]
                raise _malformed(line, (*path, key), f"is there twice, first in line {first}")
            values[key] = self.read(value_node, (*path, key), line)
        return values

    def _read_list(self, node: yaml.SequenceNode, path: Path, line: int) -> list[Any]:
        values = []
        for number, item in enumerate(node.value):
            is_alias = id(item) in self._seen  # then its node's line is that of what it stands for
            values.append(self.read(item, (*path, number), line if is_alias else _line(item)))
        return values

    def _read_scalar(self, node: yaml.ScalarNode, path: Path, line: int) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind == "str":
            return node.value
        # A tag may be written out and contradict what stands there, as in `!!int yes`.
        if self._loader.resolve(yaml.ScalarNode, node.value, (True, False)) != node.tag:
            raise _malformed(line, path, f"is {node.value!r}, which is no {kind}")
        if kind in ("int", "float") and len(node.value) > _LONGEST_NUMBER:
            raise _malformed(line, path, f"is a number of {len(node.value)} digits, which is too long")
        try:
            return self._loader.construct_object(node)
        except ValueError as error:  # a 30th of February, for one
            raise _malformed(line, path, f"is {node.value}: {error}") from error


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _malformed(line: int, path: Path, text: str) -> MalformedYaml:
    return MalformedYaml(line, str(Problem(path, text)))
