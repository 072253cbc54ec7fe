"""An enrichment is one entry of the registry: the contract, rewriting and splicing take it from there."""

import io
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.splicing import WHOLE, open_flat, read, rewritten, spliced
from support.tables import (
    CALENDAR,
    FINALIZED_AT,
    FIRST_DAY,
    RUN_ID,
    SMALL_CONTRACT,
    days,
    nesting,
    small_feed,
    small_table,
    to_parquet,
)

from cbi.contract.feed import ARROW_TYPES, Feed
from cbi.contract.target import Target
from cbi.enrich.splice.delta import make_delta
from cbi.enrich.splice.plan import plan_splice
from cbi.enrichments.enrichment import Basis, Enrichment, Rows, RunFacts, constant_enrichment
from cbi.enrichments.registry import ENRICHMENTS
from cbi.errors import Misconfigured

DAY_OF_WEEK = Enrichment(
    "day_of_week",
    "INT64",
    Basis.DATE,
    values=lambda rows: pc.day_of_week(rows.dates, count_from_zero=False),
)
DESK = constant_enrichment("desk", "STRING", lambda run: pa.scalar("futures"))


@pytest.fixture(autouse=True)
def _two_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for enrichment in (DAY_OF_WEEK, DESK):
        monkeypatch.setitem(ENRICHMENTS, enrichment.name, enrichment)


def feed_with(**changes: Any) -> Feed:
    """The small contract with two more leaves, filled by the two enrichments."""
    leaves = [
        {"name": "weekday", "type": "INT64", "mode": "REQUIRED"},
        {"name": "origin", "type": "STRUCT", "fields": [{"name": "desk", "type": "STRING"}]},
    ]
    enrich = {**SMALL_CONTRACT["enrich"], "weekday": "day_of_week", "origin.desk": "desk"}
    return small_feed(enrich=enrich, schema=[*SMALL_CONTRACT["schema"], *leaves], **changes)


def rows_of(dates: list[date] | None) -> Rows:
    run = RunFacts(CALENDAR, FINALIZED_AT, RUN_ID)
    return Rows(run, 60 if dates is None else len(dates), None if dates is None else pa.array(dates))


def test_rewriting_and_splicing_fill_the_leaves_of_a_new_enrichment_alike() -> None:
    content = to_parquet(small_table(60), row_group_size=25)
    _, bucket = rewritten(content, feed_with())
    _, (joined,) = spliced(content, feed_with())
    table = read(joined).cast(feed_with().arrow_schema)
    assert table.equals(bucket.read("0"))
    assert table["weekday"].to_pylist() == [day.isoweekday() for day in days(60)]
    assert table["origin"].to_pylist() == [{"desk": "futures"}] * 60


def test_rows_that_are_cut_out_of_a_row_group_get_them_too() -> None:
    content, feed = to_parquet(small_table(60)), feed_with(batch_rows=25)
    _, bucket = rewritten(content, feed)
    _, parts = spliced(content, feed)
    for name, joined in zip(["0", "0.1", "0.2"], parts, strict=True):
        assert read(joined).cast(feed.arrow_schema).equals(bucket.read(name))


def test_a_leaf_that_is_called_like_another_leafs_enrichment_keeps_its_own_values() -> None:
    schema = [{"name": "weight", "type": "INT64"}, *SMALL_CONTRACT["schema"]]
    content, feed = to_parquet(small_table(3, weight=[1.0, 2.0, 3.0])), small_feed(schema=schema)
    _, bucket = rewritten(content, feed)
    _, (joined,) = spliced(content, feed)
    assert read(joined)["weight"].to_pylist() == bucket.read("0")["weight"].to_pylist() == [1, 2, 3]


def test_a_constant_is_encoded_as_pages_that_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cbi.enrich.splice.chunk_encoder._CHUNK_ROWS", 20)
    content = to_parquet(small_table(60))
    _, (joined,) = spliced(content, feed_with())
    assert read(joined)["origin"].to_pylist() == [{"desk": "futures"}] * 60
    group = pq.read_metadata(io.BytesIO(joined)).row_group(0)
    chunks = {(chunk := group.column(n)).path_in_schema: chunk for n in range(group.num_columns)}
    assert chunks["origin.desk"].total_compressed_size < 200


def test_what_is_constant_in_each_batch_of_a_row_group_is_not_so_in_all_of_it() -> None:
    content, feed = to_parquet(small_table(60)), small_feed()
    dates = pa.chunked_array([days(31), days(29, date(2024, 2, 1))], pa.date32())
    file = open_flat(content)
    plan = plan_splice(file, nesting(file.schema, feed), WHOLE, dates, None)
    joined = content + b"".join(make_delta(plan, *plan.parts))
    names = [row["name"] for row in read(joined)["regime"].to_pylist()]
    assert names == ["calm"] * 31 + ["storm"] * 29


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"enrich": {"weekday": "day_of_week"}, "partition_by": None},
            "enrich wants a date; then partition_by",
        ),
        ({"enrich": {"run_id": "day_of_week"}}, "is 'day_of_week', which is INT64; the schema says STRING"),
        (
            {"enrich": {"run_id": "weather"}},
            "must be one of regime, weight, finalized_at, run_id, unknown_columns, day_of_week, desk",
        ),
    ],
    ids=["date", "type", "unknown"],
)
def test_the_contract_is_held_to_what_a_new_enrichment_says(changes: dict[str, Any], message: str) -> None:
    schema = [*SMALL_CONTRACT["schema"], {"name": "weekday", "type": "INT64"}]
    with pytest.raises(Misconfigured, match=message):
        small_feed(schema=schema, **changes)


def test_only_a_regime_makes_a_feed_need_the_calendar() -> None:
    schema = [*SMALL_CONTRACT["schema"], {"name": "weekday", "type": "INT64"}]
    assert not small_feed(schema=schema, enrich={"weekday": "day_of_week"}).needs_regime
    assert small_feed(enrich={"regime.weight": "weight"}).needs_regime


def test_the_table_knows_its_rows_by_the_roles_that_enrichments_have() -> None:
    assert (Target.of(small_feed()).newest_by, Target.of(small_feed()).run_column) == ("loaded_at", "run_id")
    target = Target.of(small_feed(enrich={"regime.name": "regime"}))
    assert (target.newest_by, target.run_column) == (None, None)


@pytest.mark.parametrize("enrichment", [*ENRICHMENTS.values(), DAY_OF_WEEK, DESK], ids=lambda e: e.name)
def test_values_have_the_type_that_is_declared_and_a_constant_is_all_rows_value(
    enrichment: Enrichment,
) -> None:
    for dates in ([FIRST_DAY] * 2, days(60), days(70)):
        rows = rows_of(dates)
        values = enrichment.values(rows)
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        assert values.type == ARROW_TYPES[enrichment.field_type]
        constant = enrichment.constant(rows)
        assert constant is None or values.equals(pa.repeat(constant, len(dates)))


def test_a_regime_is_constant_where_the_dates_lie_within_one() -> None:
    assert rows_of(days(31)).only_regime == 0
    assert rows_of(days(32)).only_regime is None
    assert rows_of(days(2, date(2024, 3, 1))).only_regime is None
    assert rows_of(None).only_regime is None
