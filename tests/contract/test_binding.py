"""Which of a file's columns fills which leaf: by name, by path into STRUCTs, by the object's name."""

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from support.splicing import WHOLE, open_flat, read
from support.tables import CALENDAR, Bucket, days, nesting, open_source, small_feed, small_table, to_parquet

from cbi.checks.validation import Validation, validate
from cbi.contract.binding import Binding, bind
from cbi.contract.feed import Feed
from cbi.enrich.nest import Nesting
from cbi.enrich.rewrite import rewrite
from cbi.enrich.splice.delta import make_delta
from cbi.enrich.splice.plan import plan_splice
from cbi.errors import Misconfigured

KEY: list[dict[str, Any]] = [
    {"name": "symbol", "type": "STRING", "mode": "REQUIRED"},
    {"name": "day", "type": "DATE", "mode": "REQUIRED"},
]


def feed_of(*fields: dict[str, Any], **changes: Any) -> Feed:
    return small_feed(schema=[*KEY, *fields], **{"enrich": {}, "checks": {}, **changes})


def price(**changes: Any) -> dict[str, Any]:
    return {"name": "price", "type": "FLOAT64", **changes}


def bound(feed: Feed, table: pa.Table, name: str = "") -> Binding:
    return bind(feed, table.schema, name)


def values(feed: Feed, table: pa.Table, source: str, name: str = "") -> list[Any]:
    (batch,) = table.combine_chunks().to_batches()
    found: list[Any] = bound(feed, table, name).casts[source].read(batch).to_pylist()
    return found


def errors(feed: Feed, table: pa.Table, name: str = "") -> list[str]:
    return [error.message for error in bound(feed, table, name).errors]


def test_a_name_in_another_case_is_the_same_column() -> None:
    table = small_table(2).rename_columns({"price": "Price", "day": "DAY"})
    found = bound(feed_of(price()), table)
    assert (list(found.casts), found.absent, found.unknown) == (["symbol", "day", "price"], (), ())
    assert values(feed_of(price()), table, "price") == [1.5, 1.5]


def test_the_very_name_goes_before_one_in_another_case() -> None:
    table = small_table(1, Price=[2.5])
    assert values(feed_of(price()), table, "price") == [1.5]
    assert bound(feed_of(price()), table).unknown == ("Price",)


def test_two_columns_that_differ_in_case_are_not_chosen_from() -> None:
    table = small_table(1, Price=[2.5]).rename_columns({"price": "PRICE"})
    (message,) = errors(feed_of(price()), table)
    assert message == "the file has PRICE and Price, any of which may be price; write price once"


def test_with_exact_names_one_in_another_case_fails_the_file() -> None:
    table = small_table(1).rename_columns({"price": "Price"})
    (message,) = errors(feed_of(price(), names="exact"), table)
    assert message.startswith(
        "price is not in the file, which has 'Price': rename that, or let the contract say"
    )


NEAR = [
    ("adj_close", "Adj Close"),
    ("adj_close", "adjclose"),
    ("volume", "volumes"),
    ("close", "prices.close"),
]


@pytest.mark.parametrize(("wanted", "found"), NEAR)
def test_a_column_that_a_file_has_under_a_near_name_is_never_null(wanted: str, found: str) -> None:
    column = {"prices": [{"close": 1.0}]} if "." in found else {found: [1.0]}
    (message,) = errors(feed_of(price(name=wanted)), small_table(1, **column))
    assert f"`source: {found}`" in message


@pytest.mark.parametrize(
    ("wanted", "found"), [("P1", "P2"), ("fib_50", "fib_618"), ("open", "oi"), ("s", "S1")]
)
def test_another_name_is_another_column(wanted: str, found: str) -> None:
    columns: dict[str, Any] = {found: [1.0]}
    binding = bound(feed_of(price(name=wanted)), small_table(1, **columns))
    assert (binding.errors, binding.absent, binding.unknown) == ((), (wanted,), ("price", found))


def test_an_optional_column_may_be_absent_beside_a_near_name() -> None:
    feed = feed_of(price(name="volume", optional=True))
    assert errors(feed, small_table(1, volumes=[1.0])) == []


def test_a_field_of_a_struct_is_named_by_its_path() -> None:
    column = pa.array([{"best": {"bid": 1.0}}, {"best": None}, None])
    feed = feed_of(price(source="book.best.bid"))
    assert values(feed, small_table(3, book=column), "book.best.bid") == [1.0, None, None]


def test_the_fields_that_nothing_takes_are_unknown() -> None:
    feed = feed_of(price(source="book.bid"))
    table = small_table(1, book=[{"bid": 1.0, "ask": 2.0}], other=[{"x": 1}])
    assert bound(feed, table).unknown == ("price", "book.ask", "other")


def test_a_column_whose_name_has_a_dot_is_no_path() -> None:
    columns: dict[str, Any] = {"book.bid": [7.0], "book": [{"bid": 1.0}]}
    table = small_table(1, **columns)
    assert values(feed_of(price(source="book.bid")), table, "book.bid") == [7.0]


def test_names_that_differ_in_case_alone_in_the_contract_are_looked_for_as_they_are() -> None:
    feed = feed_of(price(), price(name="other", source="PRICE"))
    (message, other) = errors(feed, small_table(1).rename_columns({"price": "Price"}))
    assert "price is not in the file, which has 'Price'" in message
    assert "PRICE is not in the file, which has 'Price'" in other


def test_a_column_that_a_constant_stands_for_is_unknown() -> None:
    feed = feed_of({"name": "price", "type": "FLOAT64", "constant": 2})
    assert bound(feed, small_table(1)).unknown == ("price",)


def test_a_column_fills_two_leaves_that_read_it_otherwise() -> None:
    seen = {"name": "seen", "type": "TIMESTAMP"}
    seen_day = {"name": "seen_day", "type": "DATE", "source": "seen", "as": "date"}
    table = small_table(1, SEEN=[datetime(2024, 1, 2, 16)])
    feed = feed_of(seen, seen_day)
    assert values(feed, table, "seen") == [datetime(2024, 1, 2, 16, tzinfo=UTC)]
    assert values(feed, table, "seen_day") == [date(2024, 1, 2)]
    assert bound(feed, table).unknown == ("price",)
    with pytest.raises(Misconfigured, match="takes the file's column 'seen', which"):
        feed_of(seen, {**seen, "name": "again", "source": "seen"})
    with pytest.raises(Misconfigured, match="takes the file's column 'seen', which"):
        feed_of(seen, price(name="last", source="price"), {**seen_day, "name": "price"})


CONSTANTS = [
    ("STRING", "CBOT", "CBOT"),
    ("INT64", 5, 5),
    ("FLOAT64", 5, 5.0),
    ("BOOL", True, True),
    ("DATE", date(2024, 1, 2), date(2024, 1, 2)),
    ("TIMESTAMP", datetime(2024, 1, 2, 3), datetime(2024, 1, 2, 3, tzinfo=UTC)),
]


@pytest.mark.parametrize(("kind", "value", "wanted"), CONSTANTS)
def test_a_constant_is_the_value_of_all_rows(kind: str, value: Any, wanted: Any) -> None:
    feed = feed_of({"name": "x", "type": kind, "constant": value})
    assert values(feed, small_table(2), "x") == [wanted, wanted]


HIVE = {"name": "day", "type": "DATE", "mode": "REQUIRED", "from_path": "day=([^/]*)/"}


def hive_feed(**changes: Any) -> Feed:
    fields = [KEY[0], {**HIVE, **changes}, price()]
    return small_feed(schema=fields, enrich={}, checks={}, dedupe_content=False)


def test_a_value_comes_from_the_objects_name() -> None:
    table = small_table(2).drop_columns("day")
    name = "staged/small/day=2024-01-02/x.parquet"
    assert values(hive_feed(), table, "day", name) == [date(2024, 1, 2)] * 2
    assert values(hive_feed(format="%Y%m%d"), table, "day", "day=20240102/") == [date(2024, 1, 2)] * 2


def test_a_column_of_the_file_goes_before_the_objects_name() -> None:
    assert values(hive_feed(), small_table(1), "day", "day=1999-01-01/") == [days(1)[0]]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("staged/x.parquet", "is not in the object's name, staged/x.parquet; drop the file under a name"),
        ("day=soon/x.parquet", "day is 'soon' in the object's name, which is no DATE"),
    ],
)
def test_a_name_without_the_value_fails_the_file(name: str, said: str) -> None:
    (message,) = errors(hive_feed(), small_table(1).drop_columns("day"), name)
    assert said in message


def test_a_folder_without_value_is_null() -> None:
    feed = feed_of({"name": "venue", "type": "STRING", "from_path": "venue=(.*)/"}, dedupe_content=False)
    assert values(feed, small_table(1), "venue", "venue=__HIVE_DEFAULT_PARTITION__/") == [None]
    assert values(feed, small_table(1), "venue", "venue=Chicago%20Board/") == ["Chicago Board"]


def validated(feed: Feed, content: bytes, name: str) -> tuple[Validation, Nesting]:
    validation = validate(open_source(content), feed, CALENDAR, object_name=name)
    assert validation.failure is None
    schema = open_source(content).schema
    return validation, Nesting(feed, bind(feed, schema, name).casts, nesting(schema, small_feed()).run)


def test_a_part_by_folder_is_spliced_and_quarantined_as_it_is_rewritten() -> None:
    """The rows left out keep the folder's value, which the name that they are replayed under has not."""
    fields = [*KEY, {"name": "venue", "type": "STRING", "from_path": "venue=(.*?)/"}, price(), _REGIME]
    feed = small_feed(schema=fields, enrich={"regime": "regime"}, dedupe_content=False, batch_rows=4)
    content = to_parquet(small_table(9, date(2024, 2, 25)), row_group_size=3)
    validation, run = validated(feed, content, "staged/small/venue=CBOT/x.parquet")
    bucket = Bucket()
    wanted = rewrite(open_source(content), run, WHOLE, validation.quarantine, bucket.open_sink)
    file = open_flat(content)
    plan = plan_splice(file, run, WHOLE, validation.dates, validation.quarantine)
    parts = [content + b"".join(make_delta(plan, part)) for part in plan.parts]
    assert len(parts) == len(wanted.parts) == 2
    for part, spliced in zip(wanted.parts, parts, strict=True):
        assert read(spliced).cast(feed.arrow_schema).equals(bucket.read(part.name))
        assert set(bucket.read(part.name)["venue"].to_pylist()) == {"CBOT"}
    left_out = pa.Table.from_batches(plan.rows_left_out())
    assert left_out.num_rows == 4
    assert left_out.equals(bucket.read("skipped"))
    again = to_parquet(left_out.drop_columns("day").append_column("day", pa.array(days(4))))
    replayed, _ = validated(feed, again, "staged/small/replay-0123.parquet")
    assert replayed.report.rows_skipped == 0


_REGIME = {"name": "regime", "type": "STRING"}

MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"type": "INT64", "constant": "5"}, "constant is '5'; it must be a value of type INT64"),
    ({"type": "INT64", "constant": True}, "constant is True; it must be a value of type INT64"),
    ({"type": "INT64", "constant": 2**70}, "constant is 1180591620717411303424; it must be"),
    ({"type": "DATE", "constant": datetime(2024, 1, 1)}, "constant is datetime"),
    ({"type": "STRING", "constant": "x", "source": "y"}, "source is there beside constant"),
    ({"type": "STRING", "from_path": "("}, "from_path is '\\(', which is no regular expression"),
    ({"type": "STRING", "from_path": "x=.*"}, "from_path is 'x=.*'; it must have one group"),
]


@pytest.mark.parametrize(("field", "said"), MISTAKES)
def test_a_mistake_is_told(field: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=rf"schema\[2\]\.{said}"):
        feed_of({"name": "x", **field}, dedupe_content=False)


def test_the_same_bytes_under_another_name_are_other_rows() -> None:
    with pytest.raises(Misconfigured, match="dedupe_content is true; it must be false where from_path"):
        feed_of({"name": "x", "type": "STRING", "from_path": "x=(.*)/"})


def test_a_key_has_a_column_of_the_file() -> None:
    with pytest.raises(Misconfigured, match="key has no column of the file"):
        small_feed(
            schema=[KEY[0], {**HIVE}, price()], enrich={}, checks={}, key=["day"], dedupe_content=False
        )


def test_a_feed_may_refuse_unknown_columns() -> None:
    feed = feed_of(price(), unknown_columns="fail")
    assert validate(open_source(small_table(2)), feed, CALENDAR).failure is None
    failure = validate(open_source(small_table(2, other=[1, 2])), feed, CALENDAR).failure
    assert failure is not None
    assert failure.message == "1 column is not in the contract of small: other; put them there."
