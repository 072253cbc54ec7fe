"""A feed's contract: the table as designed, and every mistake in a contract refused by name."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.tables import SMALL_CONTRACT, small_feed

from cbi.contract.catalog import load_feed
from cbi.contract.feed import Feed
from cbi.contract.parse import parse_feed

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

ROOT = Path(__file__).parents[2]

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


def test_the_daily_feed_fills_the_table_as_designed() -> None:
    feed = load_feed("daily_ml_matrix")
    assert describe(feed) == DAILY_ML_MATRIX.strip()
    assert feed.table == "features.daily_ml_matrix"
    assert feed.key == ("symbol", "data_date")
    assert (feed.partition_by, feed.cluster_by) == ("data_date", ("symbol", "regime_name"))
    assert feed.required_columns == ("symbol", "data_date")
    assert feed.batch_rows is None


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


@pytest.mark.slow("each starts an interpreter")
def test_a_contract_is_told_the_same_in_every_process() -> None:
    """The digest that names a run's files is made of this text."""
    program = "from cbi.contract.catalog import load_feed; print(repr(load_feed('daily_ml_matrix')))"
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert told == {repr(load_feed("daily_ml_matrix"))}
