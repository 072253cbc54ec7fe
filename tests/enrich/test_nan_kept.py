"""A contract may keep NaN as a value: then no file is searched for it, and both strategies leave it there."""

import math

import pyarrow as pa
import pytest
from support.both_strategies import enriched
from support.splicing import open_flat
from support.tables import CALENDAR, SMALL_CONTRACT, nesting, small_feed, small_table, to_parquet

from cbi.checks.validation import validate
from cbi.enrich.splice.nans import find_nans

NAN = float("nan")
KEEPS = small_feed(nan="keep")


@pytest.mark.parametrize("strategy", ["rewrite", "splice"])
def test_nan_stays_a_value_and_null_stays_null(strategy: str) -> None:
    content = to_parquet(small_table(3, price=[1.5, NAN, None], volatility=pa.array([NAN] * 3, pa.float32())))
    found, rows, _ = enriched(content, KEEPS, strategy)
    assert found.failure is None
    prices = [row["market"]["price"] for row in rows]
    assert prices[0] == 1.5
    assert math.isnan(prices[1])
    assert prices[2] is None
    assert all(math.isnan(row["regime"]["volatility"]) for row in rows)


def test_nothing_is_read_to_find_them() -> None:
    rows = 200_000
    filler = pa.array(range(rows), pa.int64())
    table = pa.table({"price": [NAN, 1.0] * (rows // 2), "bid_count": filler})
    file = open_flat(to_parquet(table, compression="none", use_dictionary=False))
    searched = find_nans(file, nesting(file.schema, small_feed()), ())
    before = file.reader.requests
    kept = find_nans(file, nesting(file.schema, KEEPS), ())
    assert (searched.searched, kept.searched) == (1, 0)
    assert file.reader.requests == before
    assert kept.row_groups == {}


def test_a_nan_that_is_kept_is_no_finite_number_and_no_footer_hides_it() -> None:
    checks = {"finite": [{"columns": ["price"], "action": "fail"}]}
    content = to_parquet(small_table(2, price=[1.0, NAN]))
    for nan, fails in ((None, False), ("keep", True)):
        feed = small_feed(nan=nan, checks=SMALL_CONTRACT["checks"] | checks)
        verdict = validate(open_flat(content), feed, CALENDAR)
        assert (verdict.failure is not None) == fails
