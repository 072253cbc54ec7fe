"""Every mistake in a contract is refused by path, with what was found and what is wanted."""

import datetime
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.contracts import ABSENT, changed, write_contract
from support.tables import SMALL_CONTRACT, small_feed

from cbi.contract.parse import parse_feed, read_feed
from cbi.errors import Misconfigured

LONG = "x" * 301
COLUMN = "letters (a-z, A-Z), digits and _, at most 300 of them"
A_DATE = "it must be a date such as 2000-01-31"
DATES = ("checks", "date_range")


def field(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "type": "STRING", **changes}


def nested(depth: int) -> dict[str, Any]:
    return field() if depth == 0 else field(type="STRUCT", fields=[nested(depth - 1)])


NEW = ("schema", 7)
OTHER_SHAPES = [
    ((), None, "the file is empty; it must be a map"),
    ((), [], "the file is an empty list; it must be a map with the keys description, table, key,"),
    ((), "text", "the file is 'text'; it must be a map"),
    ((), 5, "the file is 5; it must be a map"),
    # nothing where something must stand
    *(
        ((key,), None, f"{key} is empty; it must be ")
        for key in (
            "description",
            "table",
            "key",
            "partition_by",
            "cluster_by",
            "enrich",
            "checks",
            "batch_rows",
        )
    ),
    *(
        ((key,), None, f"{key} is empty; it must be ")
        for key in ("enrich_strategy", "write", "dedupe_content", "check_existing_keys", "expect_every_hours")
    ),
    (("schema",), None, "schema is empty; it must be a list of fields, each with a name and a type"),
    (("schema", 0), None, "schema[0] is empty; it must be a map with the keys name, type, mode"),
    (("schema", 0, "name"), None, f"schema[0].name is empty; it must be {COLUMN}"),
    (("schema", 0, "type"), None, "schema[0].type is empty; it must be one of STRING, BYTES, INT64"),
    (("schema", 0, "mode"), None, "schema[0].mode is empty; it must be NULLABLE or REQUIRED"),
    (("schema", 0, "description"), None, "schema[0].description is empty; it must be a text"),
    (("schema", 0, "source"), None, "schema[0].source is empty; it must be the name of a column"),
    (("schema", 2, "fields"), None, "schema[2].fields is empty; it must be a list of fields"),
    (("schema", 2, "fields", 1, "fields", 0, "type"), None, "schema[2].fields[1].fields[0].type is empty"),
    (("key", 0), None, "key[0] is empty; it must be the name of a column of the file"),
    (("enrich", "run_id"), None, "enrich.run_id is empty; it must be the name of an enrichment"),
    (DATES, None, "checks.date_range is empty; it must be a map with column, min and max"),
    ((*DATES, "min"), None, f"checks.date_range.min is empty; {A_DATE}"),
    # a value of another type
    (("description",), 5, "description is 5; it must be a text of at most 16,384 characters, in quotes"),
    (("table",), 5, "table is 5; it must be dataset.table, as text, in quotes if need be"),
    (("table",), ["features", "small"], "table is a list; it must be dataset.table"),
    (("key",), "symbol", "key is 'symbol'; it must be a list of the file's columns"),
    (("key",), {"symbol": "day"}, "key is a map; it must be a list of the file's columns"),
    (("key", 1), 5, "key[1] is 5; it must be the name of a column of the file, as text, in quotes"),
    (("key", 1), ["day"], "key[1] is a list; it must be the name of a column of the file"),
    (("partition_by",), ["day"], "partition_by is a list; it must be the name of a REQUIRED DATE column"),
    (("cluster_by",), "symbol", "cluster_by is 'symbol'; it must be a list of at most four top-level"),
    (("enrich",), ["run_id"], "enrich is a list; it must be a map of leaves"),
    (("enrich", "run_id"), 5, "enrich.run_id is 5; it must be the name of an enrichment"),
    (("checks",), [], "checks is an empty list; it must be a map of checks, each with its rules"),
    (DATES, ["day"], "checks.date_range is a list; it must be a map with column, min and max"),
    ((*DATES, "min"), "2000-01-01", f"checks.date_range.min is '2000-01-01'; {A_DATE}"),
    ((*DATES, "max"), 2049, f"checks.date_range.max is 2049; {A_DATE}"),
    (
        (*DATES, "max"),
        datetime.datetime(2049, 1, 1, 5),
        "checks.date_range.max is the date 2049-01-01 05:00:00",
    ),
    ((*DATES, "column"), True, "checks.date_range.column is true; it must be the name of a column"),
    (("batch_rows",), True, "batch_rows is true; it must be a whole number of rows"),
    (("batch_rows",), "5", "batch_rows is '5'; it must be a whole number of rows"),
    (("batch_rows",), 5.5, "batch_rows is 5.5; it must be a whole number of rows"),
    (("expect_every_hours",), True, "expect_every_hours is true; it must be a number of hours above 0"),
    (("expect_every_hours",), "daily", "expect_every_hours is 'daily'; it must be a number of hours"),
    (("dedupe_content",), "no", "dedupe_content is 'no'; it must be true or false"),
    (("dedupe_content",), 0, "dedupe_content is 0; it must be true or false"),
    (("check_existing_keys",), True, "check_existing_keys is true; it must be warn, fail or off"),
    (("schema",), {"symbol": "STRING"}, "schema is a map; it must be a list of fields"),
    (("schema", 3), "seen_at", "schema[3] is 'seen_at'; it must be a map with the keys name"),
    (("schema", 2, "fields"), {"price": "FLOAT64"}, "schema[2].fields is a map; it must be a list of fields"),
    (
        ("schema", 2, "fields", 0, "type"),
        ["FLOAT64"],
        "schema[2].fields[0].type is a list; it must be one of",
    ),
    (("schema", 0, "name"), False, f"schema[0].name is false; it must be {COLUMN}"),
    (("schema", 0, "name"), date(2000, 1, 1), "schema[0].name is the date 2000-01-01; it must be letters"),
    (("schema", 0, "name"), 5.0, "schema[0].name is 5.0; it must be letters"),
    # too little
    (("table",), ABSENT, "table is missing; it must be dataset.table"),
    (("key",), ABSENT, "key is missing; it must be a list of the file's columns that no two rows may share"),
    (("schema",), ABSENT, "schema is missing; it must be a list of fields"),
    (
        ("key",),
        [],
        "key is an empty list; it must be a list of the file's columns that no two rows may share",
    ),
    (("schema",), [], "schema is an empty list; it must be a list of fields"),
    (("key", 0), "", "key[0] is ''; it must be the name of a column"),
    ((*DATES, "min"), ABSENT, f"checks.date_range.min is missing; {A_DATE}"),
    (NEW, {"name": "x"}, "schema[7].type is missing; it must be one of STRING"),
    (NEW, {"type": "STRING"}, "schema[7].name is missing; it must be letters"),
    (NEW, {}, "schema[7].name is missing; it must be letters"),
    # a key too many
    (("tabel",), "a.b", "tabel is not known; keys here are description, table, key"),
    (("name",), "small", "name is not known; keys here are description, table, key"),
    (("checks", "dates"), {}, "checks.dates is not known; keys here are not_null,"),
    (
        (*DATES, "minimum"),
        date(2000, 1, 1),
        "checks.date_range.minimum is not known; keys here are column, min",
    ),
    (NEW, field(sorce="y"), "schema[7].sorce is not known; keys here are name, type, mode"),
    (("enrich_way",), "auto", "enrich_way is called enrich_strategy now; rename the key"),
    (("` - at `$.schema[9]",), 1, "` - at `$.schema[9] is not known; keys here are"),
    (NEW, {**field(), "` - at `$.schema[9]": 1}, "schema[7].` - at `$.schema[9] is not known; keys here are"),
    # another word than those there are
    (("write",), "replace", "write is 'replace'; it must be append or upsert"),
    (("enrich_strategy",), "join", "enrich_strategy is 'join'; it must be one of auto, splice, rewrite"),
    (("check_existing_keys",), "maybe", "check_existing_keys is 'maybe'; it must be warn, fail or off"),
    (("check_existing_keys",), "` - at `$.x", "check_existing_keys is '` - at `$.x'; it must be warn"),
    (NEW, field(type="NUMBER"), "schema[7].type is 'NUMBER'; it must be one of STRING, BYTES, INT64"),
    (NEW, field(type="string"), "schema[7].type is 'string'; it must be one of STRING"),
    (NEW, field(mode="REPEATED"), "schema[7].mode is 'REPEATED'; it must be NULLABLE or REQUIRED"),
    # numbers out of range
    (("batch_rows",), 0, "batch_rows is 0; it must be a whole number of rows from 1 to"),
    (("batch_rows",), 10**13, "batch_rows is 10000000000000; it must be a whole number of rows from 1 to"),
    (("expect_every_hours",), 0, "expect_every_hours is 0; it must be a number of hours above 0"),
    (("expect_every_hours",), -1.5, "expect_every_hours is -1.5; it must be a number of hours above 0"),
    (
        ("expect_every_hours",),
        float("nan"),
        "expect_every_hours is nan; it must be a number of hours above 0",
    ),
    (
        ("expect_every_hours",),
        float("inf"),
        "expect_every_hours is inf; it must be a number of hours above 0",
    ),
    # names
    (NEW, field(name="a`b"), f"schema[7].name is 'a`b'; it must be {COLUMN}"),
    (NEW, field(name="a b"), "schema[7].name is 'a b'; it must be letters"),
    (NEW, field(name="a.b"), "schema[7].name is 'a.b'; it must be letters"),
    (NEW, field(name="a\n"), r"schema[7].name is 'a\n'; it must be letters"),
    (NEW, field(name="größe"), "schema[7].name is 'größe'; it must be letters"),
    (NEW, field(name="1st"), "schema[7].name is '1st'; it must be letters"),
    (NEW, field(name=""), "schema[7].name is ''; it must be letters"),
    (NEW, field(name=LONG), f"schema[7].name is '{'x' * 60}'… (301 characters); it must be letters"),
    *(
        (NEW, field(name=f"{prefix}a"), f"schema[7].name is '{prefix}a'; it must be letters")
        for prefix in ("_TABLE_", "_file_", "_Partition", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")
    ),
    (("schema", 2, "fields", 0, "name"), "p;", "schema[2].fields[0].name is 'p;'; it must be letters"),
    (("table",), "small", "table is 'small'; it must be dataset.table"),
    (("table",), "project.features.small", "table is 'project.features.small'; it must be dataset.table"),
    (("table",), "features.", "table is 'features.'; it must be dataset.table"),
    (("table",), ".small", "table is '.small'; it must be dataset.table"),
    (
        ("table",),
        "fea-tures.small",
        "table is 'fea-tures.small'; it must be dataset.table, where the dataset",
    ),
    (("table",), "features.sm`all", "table is 'features.sm`all'; it must be dataset.table, where the table"),
    (("table",), "features.sm/all", "table is 'features.sm/all'; it must be dataset.table, where the table"),
    (("table",), f"features.{'x' * 1025}", "table is 'features.xxx"),
    (("table",), f"features.{'ä' * 513}", "table is 'features.äää"),
    # texts that are too long for BigQuery
    (("description",), "x" * 16_385, "description is 'xxx"),
    (("schema", 0, "description"), "x" * 1_025, "schema[0].description is 'xxx"),
]
BROKEN_RULES = [
    (NEW, field(name="SYMBOL", source="s"), "schema[7].name is 'SYMBOL', as schema[0].name is; to BigQuery"),
    (NEW, field(name="run_id", source="id"), "schema[7].name is 'run_id', as schema[6].name is; to BigQuery"),
    (
        ("schema", 2, "fields", 2),
        field(name="PRICE", source="s"),
        "schema[2].fields[2].name is 'PRICE', as schema[2].fields[0].name is; to BigQuery",
    ),
    (
        ("schema", 2, "fields", 1, "fields", 2),
        field(name="Stale", source="s"),
        "schema[2].fields[1].fields[2].name is 'Stale', as schema[2].fields[1].fields[1].name is",
    ),
    (
        NEW,
        field(name="price"),
        "schema[7].name takes the file's column 'price', which schema[2].fields[0].name",
    ),
    (NEW, field(source="bid_count"), "schema[7].source takes the file's column 'bid_count', which schema[2]"),
    (NEW, field(type="STRUCT"), "schema[7] is 'x', a STRUCT without fields; it must have some"),
    (
        NEW,
        field(fields=[field()]),
        "schema[7].fields is there although the type is STRING; only a STRUCT has",
    ),
    (
        NEW,
        field(type="STRUCT", source="y", fields=[field()]),
        "schema[7].source is there although the type is",
    ),
    (
        NEW,
        field(type="STRUCT", fields=[field(name="y", type="STRUCT")]),
        "schema[7].fields[0] is 'y', a STRUCT without fields",
    ),
    (NEW, nested(16), f"schema[7]{'.fields[0]' * 15}.fields is in more than 15 STRUCTs"),
    (("key", 1), "price", "key[1] is 'price'; it must be a REQUIRED column of the file"),
    (("key", 1), "nothing", "key[1] is 'nothing'; it must be a REQUIRED column of the file"),
    (("key", 2), "day", "key[2] is 'day', which is there twice"),
    (("schema", 0, "type"), "BYTES", "key[0] is 'symbol', which is BYTES; it must be a type that compares"),
    (("schema", 0, "type"), "FLOAT", "key[0] is 'symbol', which is FLOAT64; it must be a type that compares"),
    (("partition_by",), "symbol", "partition_by is 'symbol'; it must be a REQUIRED DATE column of the file"),
    (
        ("partition_by",),
        "nothing",
        "partition_by is 'nothing'; it must be a REQUIRED DATE column of the file",
    ),
    (("partition_by",), ABSENT, "enrich wants a regime; then partition_by must name the date that has it"),
    (("cluster_by", 0), "nothing", "cluster_by[0] is 'nothing'; it must be a top-level column"),
    (("cluster_by", 0), "market", "cluster_by[0] is 'market'; it must be a top-level column"),
    (("cluster_by", 0), "regime.name", "cluster_by[0] is 'regime.name'; it must be a top-level column"),
    (("cluster_by", 1), "symbol", "cluster_by[1] is 'symbol', which is there twice"),
    (
        ("cluster_by",),
        ["symbol", "day", "seen_at", "loaded_at", "run_id"],
        "cluster_by is a list; it must be a list of at most four top-level columns",
    ),
    (("enrich", "nothing"), "regime", "enrich.nothing names no column of the schema"),
    (("enrich", "market"), "regime", "enrich.market names no column of the schema"),
    (("enrich", "run_id"), "weather", "enrich.run_id is 'weather'; it must be one of regime, weight"),
    (("enrich", "run_id"), "weight", "enrich.run_id is 'weight', which is INT64; the schema says STRING"),
    (
        (*DATES, "column"),
        "price",
        "checks.date_range.column is 'price'; it must be a REQUIRED column of type",
    ),
    (
        (*DATES, "column"),
        "symbol",
        "checks.date_range.column is 'symbol'; it must be a REQUIRED column of type",
    ),
    (
        (*DATES, "min"),
        date(2050, 1, 1),
        "checks.date_range.max is 2049-12-31; it must not be before min, 2050",
    ),
]


@pytest.mark.parametrize(("path", "value", "message"), [*OTHER_SHAPES, *BROKEN_RULES])
def test_a_mistake_is_refused_by_path_with_what_was_found_and_wanted(
    path: tuple[Any, ...], value: Any, message: str
) -> None:
    with pytest.raises(Misconfigured) as raised:
        parse_feed("small", changed(SMALL_CONTRACT, path, value))
    assert str(raised.value).startswith(f"feed small: {message}")


@pytest.mark.parametrize(("path", "value", "message"), [*OTHER_SHAPES, *BROKEN_RULES])
def test_in_a_file_it_is_refused_with_file_and_line_too(
    path: tuple[Any, ...], value: Any, message: str, tmp_path: Path
) -> None:
    if value is None and not path:
        return  # an empty file, below
    contract = changed(SMALL_CONTRACT, path, value)
    text = yaml.safe_dump(contract, sort_keys=False, allow_unicode=True)
    with pytest.raises(Misconfigured) as raised:
        read_feed(write_contract(tmp_path, text))
    where, line, said = str(raised.value).split(":", 2)
    assert where == "cbi/feeds/small.yaml"
    assert 1 <= int(line) <= len(text.splitlines())
    assert said.strip().startswith(message)


@pytest.mark.parametrize(
    "changes",
    [
        {"table": "a.ग्राहक"},
        {"table": "a_1.étudiant-01 b"},
        {"expect_every_hours": 24},
        {"expect_every_hours": 0.5},
        {"batch_rows": 1},
        {"check_existing_keys": False},
        {"enrich_strategy": "splice"},
        {"schema": [*SMALL_CONTRACT["schema"], field(name="x" * 300)]},
        {"schema": [*SMALL_CONTRACT["schema"], field(name="_tablet", source="größe `b`")]},
        {"schema": [*SMALL_CONTRACT["schema"], nested(15)]},
        {"checks": {}},
    ],
)
def test_what_only_looks_like_a_mistake_is_taken(changes: dict[str, Any]) -> None:
    small_feed(**changes)
