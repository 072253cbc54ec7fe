"""A small file of realistic features to try the way with: one symbol, the last days, one row a day."""

import math
import random
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa

SYMBOL = "ZL_TEST"


def sample_table(rows: int = 100, last: date | None = None, symbol: str = SYMBOL) -> pa.Table:
    """Make `rows` days of features up to `last` (default: today), in the flat columns a desk stages.

    Prices are in cents a pound, as soybean oil trades. The same arguments give the same table.
    """
    last = last or datetime.now(UTC).date()
    days = [last - timedelta(days=rows - 1 - row) for row in range(rows)]
    chance = random.Random(f"{symbol} {rows}")
    columns: dict[str, list[object]] = {}
    previous = {"high": 48.6, "low": 47.4, "close": 48.0}
    for day in days:
        prices = _prices(chance, previous["close"])
        close = prices["close"]
        row = {
            "symbol": symbol,
            "data_date": day,
            "timestamp": datetime.combine(day, time(21, 0), UTC),
            **prices,
            **_pivots(chance, previous, close),
            **_policy(chance),
            **_golden_zone(chance, close),
            "vol_percentile": chance.random(),
            "k_vol": chance.uniform(0.5, 2.5),
        }
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
        previous = prices
    return pa.table(columns)


def _prices(chance: random.Random, previous_close: float) -> dict[str, float]:
    start = previous_close * math.exp(chance.gauss(0, 0.004))
    close = start * math.exp(chance.gauss(0, 0.012))
    high = max(start, close) * (1 + abs(chance.gauss(0, 0.005)))
    low = min(start, close) * (1 - abs(chance.gauss(0, 0.005)))
    return {
        "open": start,
        "high": high,
        "low": low,
        "close": close,
        "volume": chance.randint(40_000, 160_000),
        "vwap": (high + low + close) / 3,
        "realized_vol_1h": abs(chance.gauss(0.22, 0.06)),
    }


def _pivots(chance: random.Random, previous: dict[str, float], close: float) -> dict[str, float | bool]:
    high, low = previous["high"], previous["low"]
    pivot = (high + low + previous["close"]) / 3
    levels = {
        "P": pivot,
        "R1": 2 * pivot - low,
        "R2": pivot + (high - low),
        "S1": 2 * pivot - high,
        "S2": pivot - (high - low),
    }
    return {
        **levels,
        "distance_to_P": close - pivot,
        "distance_to_nearest_pivot": min((close - level for level in levels.values()), key=abs),
        "weekly_pivot_distance": close - pivot * math.exp(chance.gauss(0, 0.02)),
        "price_above_P": close > pivot,
    }


def _policy(chance: random.Random) -> dict[str, float | bool]:
    score = chance.random()
    return {
        "trump_action_prob": chance.random(),
        "trump_expected_zl_move": chance.gauss(0, 0.01),
        "trump_score": score,
        "trump_score_signed": score * chance.choice((-1, 1)),
        "trump_confidence": chance.uniform(0.4, 0.95),
        "trump_sentiment_7d": chance.uniform(-1, 1),
        "trump_tariff_intensity": chance.random(),
        "trump_procurement_alert": chance.random() < 0.1,
        "trump_mentions": chance.randint(0, 60),
        "trumpxi_china_mentions": chance.randint(0, 25),
        "trumpxi_sentiment_volatility": chance.random(),
        "trumpxi_policy_impact": chance.uniform(-1, 1),
        "trumpxi_volatility_30d_ma": chance.random(),
        "trump_soybean_sentiment_7d": chance.uniform(-1, 1),
        "policy_trump_topic_multiplier": chance.uniform(0.8, 1.6),
        "policy_trump_recency_decay": chance.uniform(0.5, 1),
    }


def _golden_zone(chance: random.Random, close: float) -> dict[str, float | bool]:
    high, low = close * chance.uniform(1.01, 1.08), close * chance.uniform(0.9, 0.99)
    state = chance.choices((0, 1, 2), weights=(6, 3, 1))[0]
    return {
        "golden_zone_state": state,
        "swing_high": high,
        "swing_low": low,
        "fib_50": high - 0.5 * (high - low),
        "fib_618": high - 0.618 * (high - low),
        "vol_decay_slope": chance.gauss(-0.01, 0.005),
        "qualified_trigger": state == 2 and chance.random() < 0.5,
    }
