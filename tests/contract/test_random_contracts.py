"""Whatever is done to a sound contract, it is a feed or refused, and never another exception."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.contracts import ABSENT, changed, write_contract
from support.examples import examples
from support.tables import SMALL_CONTRACT

from cbi.contract.feed import Feed
from cbi.contract.parse import parse_feed, read_feed
from cbi.errors import Misconfigured

ROOT = Path(__file__).parents[2]

CONTRACTS = [
    SMALL_CONTRACT,
    *(yaml.safe_load(file.read_text()) for file in sorted(ROOT.glob("cbi/*s/*.yaml"))),
]
WORDS = [
    "symbol",
    "day",
    "SYMBOL",
    "regime.name",
    "STRUCT",
    "upsert",
    "off",
    "a.b",
    "` - at `$.schema[0]",
    "",
]
PIECES = [*("- ", ": ", "*a", "&a ", "!!", "---\n"), *"\n\t :-[]{}&*!|>'\"%@`?#,="]
"""What YAML gives a meaning."""

SCALARS = st.one_of(
    st.sampled_from(WORDS),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.dates(),
    st.datetimes(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner),
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, item in inner for found in paths(item, (*path, step)))]


def draw_path(draw: st.DrawFn, contract: Any) -> tuple[Any, ...]:
    found = paths(contract)
    return found[draw(st.integers(0, len(found) - 1))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A sound contract with a few values replaced, removed, repeated elsewhere, or under another key."""
    contract = copy.deepcopy(draw(st.sampled_from(CONTRACTS)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw_path(draw, contract)
        value = draw(VALUES)
        match draw(st.sampled_from(["replace", "remove", "repeat", "rename"])):
            case "remove" if path:
                value = ABSENT
            case "repeat":
                value = contract
                for step in draw_path(draw, contract):
                    value = value[step]
                value = copy.deepcopy(value)
            case "rename" if path and isinstance(path[-1], str):
                path = (*path[:-1], draw(st.sampled_from(WORDS) | st.text()))
        contract = changed(contract, path, value)
    return contract


def result_of(parse: Callable[[], Feed]) -> Feed | str:
    """The feed, or the message it is refused with."""
    try:
        return parse()
    except Misconfigured as error:
        return str(error)


@given(mutated())
@settings(max_examples=examples(500), deadline=None)
@example({**SMALL_CONTRACT, "expect_every_hours": 10**400})
def test_a_mutated_contract_is_a_feed_or_misconfigured(definition: Any) -> None:
    result = result_of(lambda: parse_feed("small", definition))
    if isinstance(result, str):
        assert result.startswith("feed small: ")
    else:
        assert result.arrow_schema.names == [each.name for each in result.schema]
        assert result.date_column is None or result.date_column in result.required_columns


@given(st.data())
@settings(max_examples=examples(300), deadline=None)
def test_a_contract_with_its_text_damaged_is_a_feed_or_misconfigured(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = (ROOT / "cbi/feeds/daily_ml_matrix.yaml").read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = start + data.draw(st.integers(0, 20))
    text = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
    piece = data.draw(st.binary(max_size=5) | text.map(str.encode))
    damaged = content[:start] + piece + content[end:]
    file = write_contract(tmp_path_factory.getbasetemp(), damaged, "damaged")
    result = result_of(lambda: read_feed(file))
    assert isinstance(result, Feed) or result.startswith("cbi/feeds/damaged.yaml:")
