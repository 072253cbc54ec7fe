"""A feed's contract: the table as designed, and every mistake in a contract refused by name."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from support.tables import SMALL_CONTRACT, small_feed

from cbi.contract.feed import Feed, load_feed, parse_feed
from cbi.errors import Misconfigured

DAILY_ML_MATRIX = """
symbol STRING REQUIRED
data_date DATE REQUIRED
timestamp TIMESTAMP
market_data.open FLOAT64
market_data.high FLOAT64
market_data.low FLOAT64
market_data.close FLOAT64
market_data.volume INT64
market_data.vwap FLOAT64
market_data.realized_vol_1h FLOAT64
pivots.P FLOAT64
pivots.R1 FLOAT64
pivots.R2 FLOAT64
pivots.S1 FLOAT64
pivots.S2 FLOAT64
pivots.distance_to_P FLOAT64
pivots.distance_to_nearest_pivot FLOAT64
pivots.weekly_pivot_distance FLOAT64
pivots.price_above_P BOOL
policy.trump_action_prob FLOAT64
policy.trump_expected_zl_move FLOAT64
policy.trump_score FLOAT64
policy.trump_score_signed FLOAT64
policy.trump_confidence FLOAT64
policy.trump_sentiment_7d FLOAT64
policy.trump_tariff_intensity FLOAT64
policy.trump_procurement_alert BOOL
policy.trump_mentions INT64
policy.trumpxi_china_mentions INT64
policy.trumpxi_sentiment_volatility FLOAT64
policy.trumpxi_policy_impact FLOAT64
policy.trumpxi_volatility_30d_ma FLOAT64
policy.trump_soybean_sentiment_7d FLOAT64
policy.policy_trump_topic_multiplier FLOAT64
policy.policy_trump_recency_decay FLOAT64
golden_zone.state INT64 ← golden_zone_state
golden_zone.swing_high FLOAT64
golden_zone.swing_low FLOAT64
golden_zone.fib_50 FLOAT64
golden_zone.fib_618 FLOAT64
golden_zone.vol_decay_slope FLOAT64
golden_zone.qualified_trigger BOOL
regime.name STRING = regime
regime.weight INT64 = weight
regime.vol_percentile FLOAT64
regime.k_vol FLOAT64
regime_name STRING = regime
ingestion_ts TIMESTAMP = finalized_at
run_id STRING = run_id
"""

ID = {"name": "id", "type": "INT64", "mode": "REQUIRED"}


def describe(feed: Feed) -> str:
    """A line a leaf: path, type, mode, and the column or computation it comes from where not by its name."""
    lines = []
    for leaf in feed.leaves:
        words = [leaf.path, leaf.field.type, *(["REQUIRED"] if leaf.field.required else [])]
        if leaf.enrichment is not None:
            words += ["=", leaf.enrichment]
        elif leaf.source != leaf.field.name:
            words += ["←", str(leaf.source)]
        lines.append(" ".join(words))
    return "\n".join(lines)


def with_field(**field: Any) -> dict[str, Any]:
    return {"schema": [*SMALL_CONTRACT["schema"], field]}


def with_bounds(**bounds: Any) -> dict[str, Any]:
    return {"checks": {"date_range": {**SMALL_CONTRACT["checks"]["date_range"], **bounds}}}


def test_the_daily_feed_fills_the_table_as_designed() -> None:
    feed = load_feed("daily_ml_matrix")
    assert describe(feed) == DAILY_ML_MATRIX.strip()
    assert feed.table == "features.daily_ml_matrix"
    assert feed.key == ("symbol", "data_date")
    assert (feed.partition_by, feed.cluster_by) == ("data_date", ("symbol", "regime_name"))
    assert feed.required_columns == ("symbol", "data_date")
    assert feed.batch_rows is None


def test_an_unknown_feed_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_feed("../regimes")


def test_structs_are_groups_that_are_never_null() -> None:
    leaf = pa.struct([("bids", pa.int64()), ("stale", pa.bool_())])
    market = pa.struct([("price", pa.float64()), pa.field("depth", leaf, nullable=False)])
    schema = small_feed().arrow_schema
    assert schema.field("market") == pa.field("market", market, nullable=False)
    assert schema.field("symbol") == pa.field("symbol", pa.string(), nullable=False)
    assert schema.field("seen_at") == pa.field("seen_at", pa.timestamp("us", "UTC"))


def test_a_field_is_told_to_bigquery_in_its_own_form() -> None:
    market = small_feed().schema[2].to_api()
    assert market == {
        "name": "market",
        "type": "STRUCT",
        "mode": "NULLABLE",
        "fields": [
            {"name": "price", "type": "FLOAT64", "mode": "NULLABLE"},
            {
                "name": "depth",
                "type": "STRUCT",
                "mode": "NULLABLE",
                "fields": [
                    {"name": "bids", "type": "INT64", "mode": "NULLABLE"},
                    {"name": "stale", "type": "BOOL", "mode": "NULLABLE"},
                ],
            },
        ],
    }


@pytest.mark.parametrize(
    ("legacy", "standard"), [("INTEGER", "INT64"), ("FLOAT", "FLOAT64"), ("BOOLEAN", "BOOL")]
)
def test_the_type_names_of_the_older_dialect_are_understood(legacy: str, standard: str) -> None:
    feed = small_feed(**with_field(name="more", type="RECORD", fields=[{"name": "x", "type": legacy}]))
    assert describe(feed).splitlines()[-1] == f"more.x {standard}"


def test_a_feed_may_do_without_dates_and_regimes() -> None:
    feed = parse_feed("plain", {"table": "a.b", "key": ["id"], "schema": [ID]})
    assert (feed.date_column, feed.needs_regime, feed.date_bounds) == (None, False, None)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"tabel": "a.b"}, "tabel"),
        ({"table": "small"}, "table is 'small'"),
        ({"key": ["symbol", "price"]}, "price must be a REQUIRED column"),
        ({"key": ["symbol", "nothing"]}, "nothing must be a REQUIRED column"),
        ({"key": []}, "key"),
        ({"partition_by": "symbol"}, "partition_by is symbol"),
        ({"partition_by": "nothing"}, "partition_by is nothing"),
        ({"partition_by": None}, "enrich wants a regime, so partition_by"),
        ({"cluster_by": ["nothing"]}, "nothing"),
        ({"cluster_by": ["regime.name"]}, "regime.name"),
        ({"enrich": {"nothing": "regime"}}, "enrich names nothing"),
        ({"enrich": {"run_id": "weather"}}, "run_id with weather"),
        ({"enrich": {"run_id": "weight"}}, "run_id with weight, so its type must be INT64"),
        ({"batch_rows": 0}, "batch_rows is 0"),
        ({"write": "replace"}, "write is 'replace'"),
        ({"dedupe_content": "no"}, "dedupe_content is 'no'"),
        ({"enrich_way": "join"}, "enrich_way is 'join'"),
        ({"check_existing_keys": "maybe"}, "check_existing_keys is 'maybe'"),
        ({"checks": {"dates": {}}}, "dates"),
        (with_bounds(column="price"), "price, which is not a REQUIRED column"),
        (with_bounds(column="symbol"), "symbol"),
        (with_bounds(minimum=date(2000, 1, 1)), "minimum"),
        (with_bounds(min=date(2050, 1, 1)), "date_range"),
        (with_bounds(min="the beginning"), "date_range"),
        (with_field(name="price", type="FLOAT64"), "price'] are the source of more than one leaf"),
        (
            with_field(name="PRICE", type="FLOAT64", source="price"),
            "price'] are the source of more than one leaf",
        ),
        (with_field(name="SYMBOL", type="STRING"), "symbol is there twice"),
        (with_field(name="run_id", type="STRING", source="id"), "run_id"),
        (with_field(name="x", type="NUMBER"), "field x has type NUMBER"),
        (with_field(name="x", type="STRING", mode="REPEATED"), "field x has mode REPEATED"),
        (with_field(name="x", type="STRING", sorce="y"), "sorce"),
        (with_field(name="x"), "'type' is missing"),
        (with_field(type="STRING"), "'name' is missing"),
        (with_field(name="x", type="STRUCT"), "field x is STRUCT"),
        (with_field(name="x", type="STRING", fields=[ID]), "field x is STRING"),
        (with_field(name="x", type="STRUCT", fields=[{"name": "y", "type": "STRUCT"}]), "y is STRUCT"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_in_a_contract_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        small_feed(**changes)
    assert str(raised.value).startswith("feed small: ")
    assert named in str(raised.value)


@pytest.mark.parametrize("key", ["table", "key", "schema"])
def test_a_contract_has_a_table_a_key_and_a_schema(key: str) -> None:
    with pytest.raises(Misconfigured, match=f"feed small: .*'{key}' is missing"):
        parse_feed("small", {name: value for name, value in SMALL_CONTRACT.items() if name != key})
