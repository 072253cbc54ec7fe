"""What a contract has gained can be added to its table; any other difference is said, with what to do."""

import copy
from typing import Any

import pytest
from support.contracts import changed
from support.tables import SMALL_CONTRACT, small_feed

from cbi.contract.parse import parse_feed
from cbi.contract.table_changes import compare_table

OLD_NAMES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
MARKET, DEPTH = 2, ("schema", 2, "fields", 1, "fields")


def as_answered(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fields as BigQuery's API gives them: with older names of types, and a mode only where there is one."""
    return [
        {**field, "type": OLD_NAMES.get(field["type"], field["type"])}
        | ({"fields": as_answered(field["fields"])} if "fields" in field else {})
        for field in fields
    ]


def table(**changes: Any) -> dict[str, Any]:
    """The small contract's table."""
    fields = [field.to_api() for field in small_feed().schema]
    return {
        "schema": {"fields": as_answered(fields)},
        "timePartitioning": {"type": "DAY", "field": "day"},
        "clustering": {"fields": ["symbol"]},
    } | changes


def names(fields: Any) -> list[str]:
    return [field["name"] for field in fields]


def with_field(*path: int | str, **field: Any) -> Any:
    """The small contract with one more field at a place in some list of fields."""
    *parents, place = path
    contract: Any = copy.deepcopy(SMALL_CONTRACT)
    inner = contract
    for step in parents:
        inner = inner[step]
    inner.insert(place, field)
    return contract


def differences(contract: Any, present: dict[str, Any] | None = None) -> tuple[str, ...]:
    found = compare_table(present or table(), parse_feed("small", contract))
    assert found.added == ()
    return found.differences


def test_a_table_like_its_contract_stays_as_it_is() -> None:
    found = compare_table(table(), small_feed())
    assert (found.added, found.differences) == ((), ())
    assert list(found.schema) == table()["schema"]["fields"]


def test_columns_and_nested_fields_are_added_after_those_there_are() -> None:
    contract = with_field("schema", 1, name="desk", type="STRING", description="whose")
    contract["schema"][3]["fields"].insert(0, {"name": "open", "type": "FLOAT64"})
    contract["schema"][3]["fields"][2]["fields"].insert(1, {"name": "asks", "type": "INT64"})
    found = compare_table(table(), parse_feed("small", contract))
    assert found.added == ("market.depth.asks", "market.open", "desk")
    assert found.differences == ()
    present = table()["schema"]["fields"]
    assert names(found.schema) == [*names(present), "desk"]
    assert found.schema[-1] == {
        "name": "desk",
        "type": "STRING",
        "mode": "NULLABLE",
        "description": "whose",
    }
    market = found.schema[MARKET]["fields"]
    assert names(market) == ["price", "depth", "open"]
    assert names(market[1]["fields"]) == ["bids", "stale", "asks"]


def test_a_struct_is_added_as_a_whole() -> None:
    contract = with_field("schema", 0, name="book", type="STRUCT", fields=[{"name": "bid", "type": "INT64"}])
    found = compare_table(table(), parse_feed("small", contract))
    assert found.added == ("book",)
    assert names(found.schema[-1]["fields"]) == ["bid"]


def test_what_the_api_says_of_a_column_besides_is_kept() -> None:
    present = table()
    present["schema"]["fields"][0]["policyTags"] = {"names": ["secret"]}
    present["schema"]["fields"][MARKET]["fields"][0]["description"] = "written by hand"
    contract = with_field("schema", 1, name="desk", type="STRING")
    found = compare_table(present, parse_feed("small", contract))
    assert list(found.schema[:-1]) == present["schema"]["fields"]


def test_names_are_the_same_in_any_case() -> None:
    present = table(timePartitioning={"field": "DAY"}, clustering={"fields": ["Symbol"]})
    present["schema"]["fields"][0]["name"] = "SYMBOL"
    assert differences(SMALL_CONTRACT, present) == ()


@pytest.mark.parametrize("place", [("schema", 1), ("schema", MARKET, "fields", 0)])
def test_a_required_column_cannot_be_added(place: tuple[int | str, ...]) -> None:
    contract = with_field(*place, name="desk", type="STRING", mode="REQUIRED")
    path = "desk" if len(place) == 2 else "market.desk"
    (difference,) = differences(contract)
    assert difference == (
        f"{path} is not in the table, and cannot be added as {path} is REQUIRED: write NULLABLE in the"
        " contract, or move the rows to a new table"
    )


def test_nor_can_a_struct_with_a_required_field_inside() -> None:
    inner = [{"name": "bid", "type": "INT64"}, {"name": "ask", "type": "INT64", "mode": "REQUIRED"}]
    (difference,) = differences(with_field("schema", 0, name="book", type="STRUCT", fields=inner))
    assert difference.startswith("book is not in the table, and cannot be added as book.ask is REQUIRED:")


@pytest.mark.parametrize(
    ("path", "value", "difference"),
    [
        (
            ("schema", MARKET, "fields", 0, "type"),
            "INT64",
            "market.price is FLOAT64 in the table and INT64 in the contract: write FLOAT64 there, or fill"
            " a column of a new name",
        ),
        (
            (*DEPTH, 0, "mode"),
            "REQUIRED",
            "market.depth.bids is NULLABLE in the table and REQUIRED in the contract: write NULLABLE there",
        ),
        (
            ("schema", 0, "mode"),
            "NULLABLE",
            "symbol is REQUIRED in the table and NULLABLE in the contract: write REQUIRED there, or make it"
            " NULLABLE in the table",
        ),
    ],
)
def test_a_type_or_mode_is_never_changed(path: tuple[Any, ...], value: str, difference: str) -> None:
    # Only a key is REQUIRED in the contract, and the key may be another.
    contract = changed(SMALL_CONTRACT, path, value) | {"key": ["day"]}
    assert differences(contract) == (difference,)


def test_a_repeated_column_is_left_alone() -> None:
    present = table()
    present["schema"]["fields"][MARKET]["mode"] = "REPEATED"
    contract = with_field("schema", MARKET, "fields", 0, name="open", type="FLOAT64")
    assert differences(contract, present) == (
        "market is REPEATED in the table, which no contract can say: fill a column of a new name",
    )


def test_columns_that_the_contract_lacks_stay() -> None:
    present = table()
    present["schema"]["fields"][MARKET]["fields"].insert(0, {"name": "old", "type": "STRING"})
    present["schema"]["fields"].append({"name": "must", "type": "DATE", "mode": "REQUIRED"})
    contract = with_field("schema", 1, name="desk", type="STRING")
    found = compare_table(present, parse_feed("small", contract))
    assert found.added == ("desk",)
    assert names(found.schema) == [*names(present["schema"]["fields"]), "desk"]
    assert names(found.schema[MARKET]["fields"]) == ["old", "price", "depth"]
    assert found.differences == (
        "market.old is not in the contract: it stays as it is, and is NULL in new rows",
        "must is REQUIRED in the table and not in the contract, so every load fails: put it into the"
        " contract, or make it NULLABLE in the table",
    )


@pytest.mark.parametrize(
    ("layout", "found"),
    [
        ({"timePartitioning": {"type": "MONTH", "field": "day"}}, "the MONTH of day"),
        ({"timePartitioning": {"type": "DAY"}}, "the time of loading"),
        ({"timePartitioning": None, "rangePartitioning": {"field": "bids"}}, "ranges of bids"),
        ({"timePartitioning": None}, "nothing"),
    ],
)
def test_another_partitioning_is_told(layout: dict[str, Any], found: str) -> None:
    (difference,) = differences(SMALL_CONTRACT, table(**layout))
    assert difference == (
        f"partitioned by {found}, and by day in the contract: no table's partitioning can be changed, so let"
        " the contract say what it is, or move the rows to a new table"
    )


def test_another_clustering_is_told() -> None:
    contract = SMALL_CONTRACT | {"cluster_by": ["symbol", "seen_at"]}
    assert differences(contract) == (
        "clustered by symbol, and by symbol,seen_at in the contract: let the contract say what it is, or run"
        ' `bq update --clustering_fields="symbol,seen_at" features.small`',
    )
    (difference,) = differences(SMALL_CONTRACT, table(clustering={}))
    assert difference.startswith("clustered by nothing, and by symbol in the contract:")
