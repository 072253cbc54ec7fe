"""Every kind of object in the output bucket is in README's table, and is kept for as long as that says."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RULES = json.loads((ROOT / "deploy/lifecycle/output.json").read_text())["rule"]


def stored_prefixes() -> set[str]:
    """The folders of the output bucket that the code has names for."""
    sources = [ROOT / "cbi/gcs/outputs.py", ROOT / "cbi/runs/history.py", *(ROOT / "cbi/ops").glob("*.py")]
    texts = (
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return {found[0] for text in texts if (found := re.match(r"[a-z]+/(?=[^ /]*$|[a-z]+/$)", text))}


def told() -> Iterator[tuple[str, str]]:
    """README's prefixes, and how long each is kept."""
    _, _, section = README.partition("| object | is needed | is kept |")
    for line in section.partition("\n\n")[0].splitlines()[2:]:
        objects, _, kept = line.strip("| ").split(" | ")
        yield from ((name, kept) for name in re.findall(r"`([a-z]+/)`", objects))


KEPT = dict(told())


def days_alive(prefix: str) -> int | None:
    """After how many days the bucket deletes live objects of a prefix; None where it never does."""
    ages = [
        rule["condition"]["age"]
        for rule in RULES
        if "age" in rule["condition"] and prefix in rule["condition"].get("matchesPrefix", [prefix])
    ]
    return min(ages, default=None)


def test_every_kind_of_stored_object_is_in_the_table() -> None:
    assert stored_prefixes() == set(KEPT)
    assert "`index.html`" in README.partition("| object | is needed | is kept |")[2]


@pytest.mark.parametrize("prefix", KEPT)
def test_the_bucket_keeps_an_object_for_as_long_as_the_table_says(prefix: str) -> None:
    said = re.search(r"(\d+) days", KEPT[prefix])
    assert days_alive(prefix) == (int(said[1]) if said else None)


def test_lifecycle_rules_are_of_prefixes_that_there_are() -> None:
    named = {name for rule in RULES for name in rule["condition"].get("matchesPrefix", [])}
    assert named <= set(KEPT)
