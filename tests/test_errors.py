"""The tree of errors is drawn as it is."""

import ast
import builtins
import re
from pathlib import Path

import cbi.errors

PACKAGE = Path(cbi.errors.__file__).parent


def drawn() -> dict[str, str]:
    """Each class of the drawing, and the class that it is drawn under."""
    found: dict[str, str] = {}
    above: dict[int, str] = {}
    for indent, name in re.findall(r"^( *)\* (\w+)", cbi.errors.__doc__ or "", re.MULTILINE):
        above[len(indent)] = name
        if indent:
            found[name] = above[len(indent) - 4]
    return found


def defined() -> dict[str, str]:
    """Each exception class of the package, and its base; also the builtin ones between them and Exception."""
    bases = {
        node.name: ast.unparse(node.bases[0])
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.bases
    }

    def is_exception(name: str) -> bool:
        builtin = getattr(builtins, name, None)
        if isinstance(builtin, type):
            return issubclass(builtin, BaseException)
        return name in bases and is_exception(bases[name])

    found = {name: base for name, base in bases.items() if is_exception(name)}
    for base in [base for base in found.values() if base not in found and base != "Exception"]:
        found[base] = getattr(builtins, base).__base__.__name__
    return found


def test_every_exception_class_of_the_package_is_drawn_under_its_base() -> None:
    assert drawn() == defined()


def test_every_error_that_a_caller_may_meet_says_what_becomes_of_the_event() -> None:
    text = cbi.errors.__doc__ or ""
    leaves = [name for name, base in drawn().items() if base == "CbiError"]
    said = {name: re.search(rf"\* {name} +(acknowledged \(200\)|raised \(500\))", text) for name in leaves}
    assert [name for name, outcome in said.items() if outcome is None] == []
    assert leaves
