"""A contract grows by what its files have gained, and keeps its comments and everything else."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.contracts import write_contract
from support.examples import examples
from support.tables import CALENDAR, SMALL_CONTRACT, small_table, to_parquet

from cbi.authoring.difference import Difference, compare_files
from cbi.authoring.evolve import Evolved, evolve
from cbi.contract.feed import Feed
from cbi.contract.parse import find_mistakes, parse_text

CONTRACT = """\
# Prices, corrected by hand.
table: features.small
key: [symbol, day]
schema:
  - {name: symbol, type: STRING, mode: REQUIRED}   # as the exchange has it
  - {name: day, type: DATE, mode: REQUIRED}
  - name: vol
    type: STRUCT
    fields:
      - {name: week, type: FLOAT64, source: vol_week}

      # The month's is the settled one.
      - {name: month, type: FLOAT64, source: vol_month}  # 21 days
  - {name: book, type: STRUCT, fields: [{name: bid, type: FLOAT64, source: book.bid}]}
  - name: price
    type: FLOAT64
    description: |
      The last
      of the day

# What is not on the desk's list yet:
write: append
"""


def parsed(text: str) -> Feed:
    return parse_text("small", text.encode(), "small.yaml")


def compared(tmp_path: Path, *tables: pa.Table, text: str = CONTRACT) -> Difference:
    paths = [tmp_path / f"{number}.parquet" for number in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        to_parquet(table, path)
    return compare_files(paths, parsed(text), CALENDAR)


def evolved(tmp_path: Path, *tables: pa.Table, text: str = CONTRACT) -> Evolved:
    return evolve(text, parsed(text), compared(tmp_path, *tables, text=text))


FULL: dict[str, Any] = {"vol_week": [1.0] * 3, "vol_month": [2.0] * 3, "book": [{"bid": 1.0}] * 3}


def test_a_file_that_fits_differs_in_nothing(tmp_path: Path) -> None:
    assert list(compared(tmp_path, small_table(3, **FULL)).lines) == []


def test_what_is_new_missing_and_changed_is_told(tmp_path: Path) -> None:
    table = small_table(3, vol_week=["a", "b", "c"], extra=[1, 2, 3], tags=[[1]] * 3, book=FULL["book"])
    assert list(compared(tmp_path, table).lines) == [
        "+ extra: INT64",
        "+ tags: list<element: int64>, which no table here takes",
        "- vol_month: a file lacks it",
        "! vol_week is string, which cannot become FLOAT64 safely; write it as FLOAT64",
    ]


def test_a_value_that_does_not_fit_is_told(tmp_path: Path) -> None:
    table = small_table(3, **FULL).set_column(1, "day", pa.array(["2024-01-01", "soon", None]))
    (line,) = compared(tmp_path, table).lines
    assert line.startswith("! day is string and should become DATE, but in rows 0 to 2: 'soon' is not a date")


def test_new_fields_come_last_and_nothing_else_changes(tmp_path: Path) -> None:
    book = [{"bid": 1.0, "ask": 2.0}] * 3
    table = small_table(3, **{**FULL, "book": book, "vol_year": [3.0] * 3, "Open Interest": [1, 2, 3]})
    found = evolved(tmp_path, table)
    assert found.added == ("book.ask", "vol.year", "Open_Interest")
    assert found.text == CONTRACT.replace(
        "source: vol_month}  # 21 days\n",
        "source: vol_month}  # 21 days\n      - {name: year, type: FLOAT64, source: vol_year}\n",
    ).replace(
        "source: book.bid}]}", "source: book.bid}, {name: ask, type: FLOAT64, source: book.ask}]}"
    ).replace(
        "      of the day\n\n",
        '      of the day\n\n  - {name: Open_Interest, type: INT64, source: "Open Interest"}\n',
    )
    assert list(compared(tmp_path, table, text=found.text).lines) == []


def test_what_is_not_done_is_named(tmp_path: Path) -> None:
    table = small_table(3, vol_week=["a", "b", "c"], vol_months=[1.0] * 3, tags=[[1]] * 3, book=FULL["book"])
    found = evolved(tmp_path, table.drop_columns("price"))
    assert (found.text, found.added) == (CONTRACT, ())
    assert [sentence.partition(":")[0] for sentence in found.refused] == [
        "tags is not added",
        "price is not removed",
        "nothing is changed of this",
        "nothing is changed of this",
    ]
    assert any("has 'vol_months'" in sentence for sentence in found.refused)


def test_several_files_grow_a_contract_together(tmp_path: Path) -> None:
    one = small_table(3, **FULL, x=pa.array([1, 2, 3], pa.int32()))
    other = small_table(3, **FULL, x=[0.5] * 3, y=["2024-01-01"] * 3)
    types = {field.name: field.type for field in parsed(evolved(tmp_path, one, other).text).schema}
    assert (types["x"], types["y"]) == ("FLOAT64", "DATE")


NAMES = st.sampled_from(["vol_a", "market_x", "depth_9", "Größe", "a b", "no", "day2", "price "])


@given(st.sets(NAMES, min_size=1), st.sampled_from([None, True, False]), st.integers(1, 6))
@settings(max_examples=examples(50), deadline=None)
def test_however_a_contract_is_written_it_takes_the_fields(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], flow: bool | None, indent: int
) -> None:
    contract = {**SMALL_CONTRACT, "schema": SMALL_CONTRACT["schema"]}
    text = yaml.safe_dump(contract, default_flow_style=flow, sort_keys=False, indent=indent, width=40)
    columns: dict[str, Any] = {name: [1.5] * 3 for name in sorted(names)}
    found = evolved(tmp_path_factory.getbasetemp(), small_table(3, **columns), text=text)
    assert len(found.added) == len(names)
    assert set(parsed(found.text).sources) == {*parsed(text).sources, *names}
    kept = iter(found.text)
    assert all(character in kept for character in text)


def test_every_mistake_of_a_contract_is_found_with_its_line(tmp_path: Path) -> None:
    wrong = CONTRACT.replace("features.small", "small").replace(
        "key: [symbol, day]", "key: [symbol, vol_week]"
    )
    assert [mistake.partition(";")[0] for mistake in find_mistakes(write_contract(tmp_path, wrong))] == [
        "cbi/feeds/small.yaml:2: table is 'small'",
        "cbi/feeds/small.yaml:3: key[1] is 'vol_week'",
    ]
    assert find_mistakes(write_contract(tmp_path, CONTRACT)) == []
