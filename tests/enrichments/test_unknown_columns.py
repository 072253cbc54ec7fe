"""Columns that a contract does not have are kept in one leaf as JSON, where it says so."""

import json
from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa
import pytest
from support.tables import CALENDAR, nesting, open_source, small_feed, small_table

from cbi.checks.validation import Validation, validate
from cbi.contract.feed import Feed
from cbi.contract.unsafe_cast import UnsafeCast
from cbi.errors import Misconfigured

KEY = [
    {"name": "symbol", "type": "STRING", "mode": "REQUIRED"},
    {"name": "day", "type": "DATE", "mode": "REQUIRED"},
]
RESCUED = {"name": "others", "type": "STRING"}


def rescuing(*fields: dict[str, Any]) -> Feed:
    schema = [*KEY, *fields, RESCUED]
    return small_feed(
        schema=schema, enrich={"others": "unknown_columns"}, checks={}, unknown_columns="rescue"
    )


def rescued(table: pa.Table, feed: Feed) -> list[Any]:
    (batch,) = table.combine_chunks().to_batches()
    run = nesting(batch.schema, feed)
    texts = run.nest(batch, run.rows(batch))["others"].to_pylist()
    return [None if text is None else json.loads(text) for text in texts]


def validated(table: pa.Table, feed: Feed) -> Validation:
    return validate(open_source(table), feed, CALENDAR)


def test_every_value_is_in_the_leaf() -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    columns: dict[str, Any] = {
        "text": ['a "quoted" line\nand ü', None],
        "number": [1.5, float("nan")],
        "day_of": [date(2024, 1, 2), None],
        "seen": pa.array([moment, None], pa.timestamp("ns", "UTC")),
        "at": pa.array([time(3, 4), None], pa.time64("ns")),
        "list": [[1, 2], []],
        "inner": [{"x": 1, "y": None}, None],
    }
    assert rescued(small_table(2, **columns).drop_columns("price"), rescuing()) == [
        {
            "text": 'a "quoted" line\nand ü',
            "number": 1.5,
            "day_of": "2024-01-02",
            "seen": "2024-01-02T03:04:05Z",
            "at": "03:04:00",
            "list": [1, 2],
            "inner": {"x": 1, "y": None},
        },
        dict.fromkeys(["text", "number", "day_of", "seen", "at", "inner"]) | {"list": []},
    ]


def test_of_an_opened_struct_the_other_fields_are_in_the_leaf() -> None:
    feed = rescuing({"name": "bid", "type": "FLOAT64", "source": "book.bid"})
    table = small_table(1, book=[{"bid": 1.0, "ask": 2.0}])
    assert rescued(table, feed) == [{"price": 1.5, "book.ask": 2.0}]


def test_a_file_without_others_has_none() -> None:
    assert rescued(small_table(2).drop_columns("price"), rescuing()) == [None, None]


def test_rescued_columns_are_listed_and_not_warned_of() -> None:
    found = validated(small_table(2), rescuing())
    assert (found.failure, found.warnings) == (None, ())
    assert found.report.column_types.unknown_columns == ("price",)


def test_a_near_name_is_not_rescued() -> None:
    feed = rescuing({"name": "volume", "type": "INT64"})
    failure = validated(small_table(2, volumes=[1, 2]), feed).failure
    assert failure is not None
    assert "volume is not in the file, which has 'volumes'" in failure.message


def test_two_columns_of_one_name_cannot_both_be_kept() -> None:
    table = pa.table([*small_table().columns, pa.array([2.5] * 3)], names=["symbol", "day", "x", "x"])
    failure = validated(table, rescuing()).failure
    assert failure is not None
    assert "the file has 2 columns called x; write it once" in failure.message


def test_text_that_is_not_utf8_is_a_fault_of_the_file() -> None:
    text = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    with pytest.raises(UnsafeCast, match="not UTF-8"):
        rescued(small_table(1, text=text), rescuing())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unknown_columns": "rescue"}, "unknown_columns is rescue; then enrich must name a STRING"),
        (
            {"enrich": {"others": "unknown_columns"}},
            "enrich wants unknown columns; then unknown_columns must",
        ),
    ],
)
def test_leaf_and_policy_belong_together(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        small_feed(**{"schema": [*KEY, RESCUED], "enrich": {}, "checks": {}, **changes})
