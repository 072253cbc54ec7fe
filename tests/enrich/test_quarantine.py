"""A row left out is kept as it came, with all its reasons, by both strategies."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.splicing import WHOLE, open_flat
from support.tables import Bucket, nesting, open_source, small_feed, small_table, to_parquet

from cbi.contract.quarantine import Quarantine, RejectedRows
from cbi.enrich.quarantine import write_quarantine
from cbi.enrich.rewrite import rewrite
from cbi.enrich.splice.delta import make_delta
from cbi.enrich.splice.plan import plan_splice

FEED = small_feed()


def quarantine(**rejected: list[int]) -> Quarantine:
    return Quarantine(
        tuple(
            RejectedRows(reason, pa.array(rows, pa.int8()).cast(pa.bool_()))
            for reason, rows in rejected.items()
        )
    )


def by_rewrite(content: bytes, left_out: Quarantine) -> tuple[list[Any], pa.Table]:
    bucket, source = Bucket(), open_source(content)
    rewrite(source, nesting(source.schema, FEED), WHOLE, left_out, bucket.open_sink)
    return bucket.rows(["0"]), bucket.read("skipped")


def by_splice(content: bytes, left_out: Quarantine) -> tuple[list[Any], pa.Table]:
    bucket, file = Bucket(), open_flat(content)
    dates = pa.Table.from_batches(file.batches(["day"]))["day"]
    plan = plan_splice(file, nesting(file.schema, FEED), WHOLE, dates, left_out)
    joined = bucket.open_sink("0")
    joined.write(content + b"".join(make_delta(plan, *plan.parts)))
    joined.commit()
    write_quarantine(plan.rows_left_out(), bucket.open_sink)
    return bucket.rows(["0"]), bucket.read("skipped")


both = pytest.mark.parametrize("strategy", [by_rewrite, by_splice])


@both
def test_a_row_has_all_its_reasons_in_the_order_of_the_checks(strategy: Any) -> None:
    table = small_table(6, price=[float(number) for number in range(6)], extra=list("abcdef"))
    left_out = quarantine(one=[0, 1, 0, 0, 1, 0], other=[0, 0, 0, 1, 1, 0])
    loaded, kept = strategy(to_parquet(table, row_group_size=2), left_out)
    assert [row["market"]["price"] for row in loaded] == [0, 2, 5]
    assert kept["_reason"].to_pylist() == ["one", "other", "one; other"]
    assert kept.drop_columns("_reason").equals(table.take([1, 3, 4]))


@both
def test_what_an_earlier_quarantine_said_is_replaced(strategy: Any) -> None:
    table = small_table(2, _reason=["an older one", "another"])
    _, kept = strategy(to_parquet(table), quarantine(newer=[0, 1]))
    assert kept["_reason"].to_pylist() == ["newer"]


@given(st.data(), st.integers(1, 30), st.integers(1, 7))
@settings(max_examples=examples(60), deadline=None)
def test_every_row_is_loaded_or_kept_and_both_strategies_agree(
    data: st.DataObject, rows: int, row_group_size: int
) -> None:
    flags = st.lists(st.integers(0, 1), min_size=rows, max_size=rows)
    left_out = quarantine(**{name: data.draw(flags) for name in ("a", "b", "c")})
    if not left_out.loaded.true_count or not left_out.rows.true_count:
        return
    content = to_parquet(
        small_table(rows, price=[float(number) for number in range(rows)]), row_group_size=row_group_size
    )
    loaded, kept = by_rewrite(content, left_out)
    assert (loaded, kept.to_pylist()) == (
        (found := by_splice(content, left_out))[0],
        found[1].to_pylist(),
    )
    prices = [row["market"]["price"] for row in loaded]
    assert sorted([*prices, *kept["price"].to_pylist()]) == list(range(rows))
    for row in kept.to_pylist():
        number = int(row["price"])
        reasons = [each.reason for each in left_out.rejected if each.rows[number].as_py()]
        assert row["_reason"] == "; ".join(reasons)
