"""Contracts and files at random, with every check and every action, against a naive look at each row.

Each row is loaded or in quarantine with just the reasons it has, or the file fails; splice equals rewrite.
"""

from collections import Counter
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.both_strategies import enriched
from support.examples import examples
from support.naive_checks import Broken, broken_rules
from support.splicing import open_flat
from support.tables import CALENDAR, days, open_source, small_feed, small_table, to_parquet

from cbi.checks.regime_coverage import NO_REGIME
from cbi.checks.validation import Validation, validate
from cbi.errors import Reason
from cbi.expectations.registry import Expectations

NUMBERS = st.sampled_from([-1.5, -0.0, 0.0, 0.5, 1.0, 2.0, float("inf"), float("-inf"), float("nan")])
TIMES = [datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1), datetime(2023, 12, 31, 23, 59)]
TEXTS = st.sampled_from(["ZL", "ZC", "", " ", " ZL", "MES ", "zl", "日本"])
COLUMNS: dict[str, tuple[st.SearchStrategy[Any], list[pa.DataType]]] = {
    "price": (NUMBERS, [pa.float64(), pa.float32()]),
    "volatility": (NUMBERS, [pa.float64()]),
    "bid_count": (st.integers(-2, 3), [pa.int64(), pa.int8(), pa.int32()]),
    "seen_at": (st.sampled_from(TIMES), [pa.timestamp("us"), pa.timestamp("us", "UTC")]),
}
COLUMN_TYPES = {"symbol": "STRING", "day": "DATE", "price": "FLOAT64", "volatility": "FLOAT64"}
COLUMN_TYPES |= {"bid_count": "INT64", "seen_at": "TIMESTAMP", "stale": "BOOL"}
LIMITS: dict[str, list[Any]] = {
    "price": [0, 0.5, 1.0, -1],
    "volatility": [0, 0.5],
    "bid_count": [-2, 0, 1],
    "day": [date(2024, 1, 5), date(2024, 2, 1)],
    "seen_at": [date(2024, 1, 1)],
}
ORDERED = sorted(LIMITS)


def some_of(columns: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(columns), min_size=1, max_size=2, unique=True)


@st.composite
def bounds(draw: st.DrawFn) -> dict[str, Any]:
    column = draw(st.sampled_from(ORDERED))
    names = draw(st.lists(st.sampled_from(["min", "max", "above", "below"]), min_size=1, unique=True))
    return {"columns": [column], **{name: draw(st.sampled_from(LIMITS[column])) for name in names}}


@st.composite
def one_of(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"columns": ["symbol"], "values": draw(st.sampled_from([["ZL"], ["ZL", "ZC", ""]]))}
    return {"columns": ["bid_count"], "values": draw(st.sampled_from([[0], [-2, -1, 0, 1, 2, 3], [0, 1, 2]]))}


def whole(rule: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda rule, action: {**rule, "action": action}, rule, st.sampled_from(["fail", "warn"]))


def by_row(rule: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    actions = st.sampled_from(["quarantine", "quarantine", "quarantine", "warn", "fail"])
    return st.builds(lambda rule, action: {**rule, "action": action}, rule, actions)


TEXT = st.just({"columns": ["symbol"]})
PAIRS = st.sampled_from([("price", "volatility"), ("volatility", "price"), ("price", "price")])
RULES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "not_null": by_row(st.builds(lambda names: {"columns": names}, some_of(sorted(COLUMN_TYPES)))),
    "null_share_at_most": whole(
        st.builds(
            lambda names, share: {"columns": names, "share": share},
            some_of(sorted(COLUMN_TYPES)),
            st.sampled_from([0, 0.25, 0.5, 1]),
        )
    ),
    "not_blank": by_row(TEXT),
    "trimmed": by_row(TEXT),
    "matches": by_row(st.builds(lambda text: {**text, "pattern": "Z.|[A-Z]+ ?"}, TEXT)),
    "in": by_row(one_of()),
    "finite": by_row(st.builds(lambda names: {"columns": names}, some_of(["price", "volatility"]))),
    "bounds": by_row(bounds()),
    "at_least": by_row(st.builds(lambda pair: {"column": pair[0], "other": pair[1]}, PAIRS)),
    "at_most": by_row(st.builds(lambda pair: {"column": pair[0], "other": pair[1]}, PAIRS)),
    "unique": by_row(
        st.builds(lambda names: {"columns": names}, some_of(["symbol", "bid_count", "seen_at", "day"]))
    ),
    "increasing_by": by_row(
        st.builds(
            lambda column, by: {"column": column, "by": by},
            st.sampled_from(ORDERED),
            st.sampled_from([[], ["symbol"], ["symbol", "bid_count"]]),
        )
    ),
    "rows_between": whole(st.sampled_from([{"min": 2}, {"min": 1, "max": 9}])),
}


def test_every_check_is_tried() -> None:
    assert list(RULES) == list(Expectations.__struct_encode_fields__)


@st.composite
def contracts(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(RULES)), min_size=1, max_size=4, unique=True))
    ordered = [name for name in RULES if name in names]
    return {name: draw(st.lists(RULES[name], min_size=1, max_size=2)) for name in ordered}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Rows with keys of their own, any of the columns, NULLs and NaNs; some days may lack a regime."""
    rows = draw(st.integers(1, 12))
    dates = draw(st.permutations(days(draw(st.sampled_from([20, 60, 75])))))[:rows]
    columns: dict[str, Any] = {
        "symbol": draw(st.lists(TEXTS, min_size=rows, max_size=rows)),
        "day": pa.array(sorted(dates) if draw(st.booleans()) else dates, pa.date32()),
    }
    for name, (values, kinds) in COLUMNS.items():
        if draw(st.integers(0, 4)):
            known = values if draw(st.booleans()) else values | st.none()
            drawn = draw(st.lists(known, min_size=rows, max_size=rows))
            columns[name] = pa.array(drawn, draw(st.sampled_from(kinds)))
    return pa.table(columns)


def wanted_reasons(broken: list[Broken], rows: list[dict[str, Any]]) -> list[list[str]]:
    """The reasons for which each row is to be left out."""
    left_out = [each for each in broken if each.action == "quarantine"]
    return [
        [each.reason for each in left_out if number in each.rows]
        + ([] if CALENDAR.get_regime(row["day"]) else [NO_REGIME])
        for number, row in enumerate(rows)
    ]


@given(contracts(), tables(), st.integers(1, 5))
@settings(max_examples=examples(400), deadline=None)
def test_each_row_is_loaded_or_left_out_for_just_its_reasons(
    checks: dict[str, Any], table: pa.Table, row_group_size: int
) -> None:
    feed, rows = small_feed(checks=checks), table.to_pylist()
    content = to_parquet(table, row_group_size=row_group_size)
    broken = broken_rules(checks, rows)
    reasons = wanted_reasons(broken, rows)
    spliced, loaded, kept = enriched(content, feed, "splice")
    rewritten = enriched(content, feed, "rewrite")
    for found in (spliced, rewritten[0]):
        results = [(each.check, each.column, each.action, each.failed_rows) for each in found.report.checks]
        assert results == [(each.check, each.column, each.action, len(each.rows)) for each in broken]
        assert not any(each.proved_by_footer and each.failed_rows for each in found.report.checks)
    fails = any(each.action == "fail" and each.rows for each in broken) or all(reasons)
    assert (spliced.failure is not None) == (rewritten[0].failure is not None) == fails
    if fails:
        return
    assert (loaded, None if kept is None else repr(kept.to_pylist())) == (
        rewritten[1],
        None if rewritten[2] is None else repr(rewritten[2].to_pylist()),
    )
    assert [row["day"] for row in loaded] == [
        row["day"] for row, why in zip(rows, reasons, strict=True) if not why
    ]
    wanted = [{**row, "_reason": "; ".join(why)} for row, why in zip(rows, reasons, strict=True) if why]
    assert repr([] if kept is None else kept.to_pylist()) == repr(wanted)
    counted = Counter(reason for why in reasons for reason in dict.fromkeys(why))
    assert spliced.report.quarantine_reasons == dict(counted)
    warned = [each for each in broken if each.action == "warn" and each.rows]
    assert sum("row" in warning for warning in spliced.warnings) == len(warned)


class TestFooters:
    """What the footer proves is not read."""

    FEED = small_feed(
        checks={
            "bounds": [{"columns": ["price"], "above": 0}, {"columns": ["bid_count"], "min": 0, "max": 9}],
            "finite": [{"columns": ["price"]}],
            "not_null": [{"columns": ["bid_count"]}],
            "in": [{"columns": ["bid_count"], "values": list(range(10))}],
            "at_least": [{"column": "price", "other": "volatility"}],
        }
    )
    GOOD = small_table(
        10, price=[1.5 + number for number in range(10)], bid_count=list(range(10)), volatility=[0.5] * 10
    )

    def results(
        self, table: pa.Table, **options: Any
    ) -> tuple[Validation, dict[tuple[str, Any], bool], set[str]]:
        file = open_flat(to_parquet(table, row_group_size=4, **options))
        asked = set[str]()
        batches = file.batches

        def recorded(columns: Any = None, as_dictionary: Any = ()) -> Any:
            asked.update(columns)
            return batches(columns, as_dictionary)

        file.batches = recorded  # type: ignore[method-assign]
        found = validate(file, self.FEED, CALENDAR)
        return found, {(e.check, e.column): e.proved_by_footer for e in found.report.checks}, asked

    def test_all_of_it_is_proved(self) -> None:
        found, proved, asked = self.results(self.GOOD)
        assert (found.failure, set(proved.values()), asked) == (None, {True}, {"symbol", "day"})

    def test_without_statistics_nothing_is(self) -> None:
        found, proved, asked = self.results(self.GOOD, write_statistics=False)
        assert (found.failure, set(proved.values())) == (None, {False})
        assert asked == {"symbol", "day", "price", "bid_count", "volatility"}

    @pytest.mark.parametrize(
        ("price", "read"),
        [(0.0, {("bounds", "price"), ("at_least", "price")}), (float("inf"), {("finite", "price")})],
    )
    def test_what_breaks_a_rule_is_read(self, price: float, read: set[Any]) -> None:
        prices = [price, *self.GOOD["price"].to_pylist()[1:]]
        found, proved, asked = self.results(self.GOOD.set_column(2, "price", [prices]))
        assert found.failure is not None
        assert found.failure.reason is Reason.VALIDATION_FAILED
        assert {which for which, is_proved in proved.items() if not is_proved} == read
        assert "price" in asked

    def test_nans_prove_nothing_of_nulls(self) -> None:
        feed = small_feed(checks={"not_null": [{"columns": ["price"]}]})
        prices = [float("nan"), *self.GOOD["price"].to_pylist()[1:]]
        file = open_flat(to_parquet(self.GOOD.set_column(2, "price", [prices])))
        (found,) = validate(file, feed, CALENDAR).report.checks
        assert (found.failed_rows, found.proved_by_footer) == (1, False)

    def test_a_column_is_found_under_its_name_in_the_file(self) -> None:
        feed = small_feed(checks={"bounds": [{"columns": ["price"], "above": 0}]})
        (found,) = validate(
            open_flat(to_parquet(self.GOOD.rename_columns({"price": "Price"}))), feed, CALENDAR
        ).report.checks
        assert (found.failed_rows, found.proved_by_footer) == (0, True)

    def test_the_key_and_the_date_are_read_anyway(self) -> None:
        feed = small_feed(checks={"bounds": [{"columns": ["day"], "min": date(2024, 1, 1)}]})
        (found,) = validate(open_flat(to_parquet(self.GOOD)), feed, CALENDAR).report.checks
        assert (found.failed_rows, found.proved_by_footer) == (0, False)


def test_a_column_that_the_file_lacks_is_null_throughout() -> None:
    feed = small_feed(
        checks={
            "not_null": [{"columns": ["bid_count"], "action": "warn"}],
            "bounds": [{"columns": ["bid_count"], "min": 0}],
            "at_least": [{"column": "price", "other": "volatility"}],
        }
    )
    found = validate(open_source(small_table(3)), feed, CALENDAR)
    assert [check.failed_rows for check in found.report.checks] == [3, 0, 0]
    assert found.warnings == ("bid_count is NULL in 3 rows, the first (ZL, 2024-01-01)",)
    assert found.report.checks[0].first_keys[1] == {"symbol": "ZL", "day": date(2024, 1, 2)}


def test_a_file_of_which_nothing_is_left_fails() -> None:
    feed = small_feed(checks={"bounds": [{"columns": ["price"], "above": 2, "action": "quarantine"}]})
    found = validate(open_source(small_table(3)), feed, CALENDAR)
    assert found.failure is not None
    assert found.failure.message == ("None of the file's 3 rows can be loaded (price is not above 2: 3).")


def test_a_broken_rule_fails_the_file_with_a_sentence() -> None:
    feed = small_feed(checks={"bounds": [{"columns": ["price"], "above": 0}]})
    found = validate(open_source(small_table(3, price=[1.0, -2.0, 0.0])), feed, CALENDAR)
    assert found.failure is not None
    assert found.failure.message == (
        "price is not above 0 in 2 rows, the first (ZL, 2024-01-02); correct them or leave them out."
    )
    assert not found.report.is_valid
