"""SQL is made in one module, and every name in it is quoted, whatever the name."""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from support.tables import small_feed

from cbi.contract.target import Target
from cbi.sql import quote_path, quote_table, select_statement
from cbi.warehouse.statements import (
    delete_statement,
    keys_statement,
    merge_statement,
)

ROOT = Path(__file__).parents[2]
SQL = re.compile(r"\b(SELECT|MERGE|DELETE FROM|INSERT INTO|UPDATE \S+ SET|WHERE)\b")
TARGET = Target.of(small_feed())
JANUARY = date(2024, 1, 1), date(2024, 1, 31)
TABLE, STAGING = "my-project.features.from", "my-project.features.cbi_staging_0"

STATEMENTS = {
    "select": select_statement(TABLE, ["group", "as.order"]),
    "keys": keys_statement(TARGET, TABLE, between_days=True, listed=["symbol"])[0],
    "merge": merge_statement(TARGET, TABLE, STAGING, *JANUARY),
    "delete": delete_statement(TARGET, TABLE, "0" * 24, *JANUARY),
}


def texts(path: Path) -> Iterator[str]:
    """The strings of a module that are not documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def test_sql_is_written_in_one_module_only() -> None:
    """The local BigQuery has its own in another dialect; `integration` reads back the default feed's."""
    modules = [path for path in (ROOT / "cbi").rglob("*.py") if "local" not in path.parts]
    found = {path.name for path in modules for text in texts(path) if SQL.search(text)}
    assert found == {"statements.py", "sql.py", "integration.py"}


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_name_in_a_statement_is_quoted(name: str) -> None:
    statement = sqlglot.parse_one(STATEMENTS[name], dialect="bigquery")
    names = [
        found.name
        for found in statement.find_all(exp.Identifier)
        if not found.quoted and not isinstance(found.parent, exp.Parameter)
    ]
    assert names == []


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("group", "`group`"),
        ("a b", "`a b`"),
        ("tick`tick", r"`tick\`tick`"),
        ("back\\slash", r"`back\\slash`"),
        ("line\nbreak", r"`line\nbreak`"),
        ("é", "`é`"),
    ],
)
def test_a_name_is_escaped_as_a_text_is(name: str, quoted: str) -> None:
    assert quote_path(name) == quoted


def test_the_fields_of_a_struct_are_quoted_one_by_one_and_a_table_as_a_whole() -> None:
    assert quote_path("as.order", "T") == "`T`.`as`.`order`"
    assert quote_table("domain.com:my-project.features.from") == "`domain.com:my-project.features.from`"


def test_a_run_id_stays_a_text_whatever_it_is() -> None:
    sql = delete_statement(replace(TARGET, partition_by=None), TABLE, "x' OR '1' = '1", None, None)
    assert sql.endswith(r"= 'x\' OR \'1\' = \'1'")
