"""Where a contract wants it, a bad row costs one row: what cannot be cast, NULLs, keys that are there again.

Random files against a naive look at each row: it is loaded, or in quarantine with just the reasons it has.
"""

import math
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.both_strategies import enriched
from support.examples import examples
from support.naive_checks import broken_rules
from support.tables import CALENDAR, days, open_source, small_feed, small_table, to_parquet

from cbi.checks.regime_coverage import NO_REGIME
from cbi.checks.validation import validate
from cbi.contract.casts import find_cast
from cbi.contract.lenient_cast import cast_leniently
from cbi.errors import Misconfigured, Reason

BAD = object()
"""What the table cannot hold."""

DATES = {"2024-01-05": date(2024, 1, 5), " 2024-02-01": date(2024, 2, 1), "2024-03-09": date(2024, 3, 9)}
TIMES = {"2024-01-05T03:04": datetime(2024, 1, 5, 3, 4, tzinfo=UTC), "noon": BAD, "2024-02-30": BAD}
NUMBERS = [0.0, 1.0, -3.0, 0.5, float("inf"), float("nan"), 2.0**70]

# How a column may be staged: its type, and what each of its values is in the table.
COLUMNS: dict[str, list[tuple[pa.DataType, list[tuple[Any, Any]]]]] = {
    "symbol": [
        (pa.string(), [("ZL", "ZL"), ("ZC", "ZC")]),
        (pa.binary(), [(b"ZL", "ZL"), (b"ZC", "ZC"), (b"\xff", BAD), (b"\xff\xfe", BAD)]),
        (pa.dictionary(pa.int8(), pa.string()), [("ZL", "ZL"), ("ZC", "ZC")]),
    ],
    "day": [
        (pa.date32(), [(day, day) for day in days(70)[::12]]),
        (pa.string(), [*DATES.items(), ("2024-13-01", BAD), ("2024-02-30", BAD), ("soon", BAD)]),
        (pa.timestamp("us"), [(datetime(2024, 1, 5), date(2024, 1, 5)), (datetime(2024, 1, 5, 1), BAD)]),
    ],
    "price": [(pa.float64(), [(value, value) for value in (1.5, -1.0, 0.0)])],
    "bid_count": [
        (
            pa.float64(),
            [(n, None if math.isnan(n) else BAD if n not in (0, 1, -3) else int(n)) for n in NUMBERS],
        ),
        (pa.uint64(), [(0, 0), (7, 7), (2**63, BAD), (2**64 - 1, BAD)]),
        (pa.int32(), [(0, 0), (-3, -3)]),
    ],
    "stale": [(pa.uint8(), [(0, False), (1, True), (2, BAD)]), (pa.bool_(), [(True, True)])],
    "seen_at": [(pa.string(), list(TIMES.items()))],
}
TYPES = {"symbol": "STRING", "day": "DATE", "price": "FLOAT64", "bid_count": "INT64"}
TYPES |= {"stale": "BOOL", "seen_at": "TIMESTAMP"}
CHECKS: dict[str, Any] = {
    "not_null": [{"columns": ["bid_count"], "action": "quarantine"}],
    "bounds": [
        {"columns": ["price"], "above": 0, "action": "quarantine"},
        {"columns": ["bid_count"], "min": 0, "action": "quarantine"},
    ],
}


@st.composite
def files(draw: st.DrawFn) -> tuple[pa.Table, list[dict[str, Any]]]:
    """A table as it is staged, and the same rows as the database would have them."""
    rows = draw(st.integers(1, 12))
    staged, meant = dict[str, pa.Array](), dict[str, list[Any]]()
    for name, kinds in COLUMNS.items():
        if name not in ("symbol", "day") and not draw(st.integers(0, 3)):
            continue
        kind, values = draw(st.sampled_from(kinds))
        some = values if draw(st.booleans()) else [*values, (None, None)]
        drawn = draw(st.lists(st.sampled_from(some), min_size=rows, max_size=rows))
        staged[name] = pa.array([value for value, _ in drawn], kind)
        meant[name] = [value for _, value in drawn]
    return pa.table(staged), [
        {name: values[number] for name, values in meant.items()} for number in range(rows)
    ]


def reasons_of(rows: list[dict[str, Any]], keep: str) -> list[list[str]]:
    """The reasons for which each row is to be left out, worked out row by row."""
    known = [{name: None if value is BAD else value for name, value in row.items()} for row in rows]
    broken = broken_rules(CHECKS, known)
    reasons = []
    for number, row in enumerate(rows):
        found = [f"{name} cannot become {TYPES[name]}" for name in TYPES if row.get(name) is BAD]
        found += [f"{name} is NULL, but required" for name in ("symbol", "day") if row[name] is None]
        found += [
            each.reason
            for each in broken
            if number in each.rows and each.column is not None and row.get(each.column) is not BAD
        ]
        day = known[number]["day"]
        found += [NO_REGIME] if day is not None and CALENDAR.get_regime(day) is None else []
        reasons.append(found)
    same = defaultdict(list)
    for number, row in enumerate(known):
        if not reasons[number]:
            same[row["symbol"], row["day"]].append(number)
    which = {"none": "in another row", "first": "in a row before", "last": "in a row after"}[keep]
    for numbers in same.values():
        kept = {"none": [], "first": numbers[:1], "last": numbers[-1:]}[keep] if len(numbers) > 1 else numbers
        for number in set(numbers) - set(kept):
            reasons[number].append(f"its key (symbol, day) is {which}")
    return reasons


@given(files(), st.sampled_from(["none", "first", "last"]), st.integers(1, 5))
@settings(max_examples=examples(400), deadline=None)
def test_each_row_is_loaded_or_left_out_for_just_its_reasons(
    file: tuple[pa.Table, list[dict[str, Any]]], keep: str, row_group_size: int
) -> None:
    table, rows = file
    feed = small_feed(invalid_rows="quarantine", keep_duplicate=keep, checks=CHECKS)
    content = to_parquet(table, row_group_size=row_group_size)
    reasons = reasons_of(rows, keep)
    spliced, rewritten = (enriched(content, feed, strategy) for strategy in ("splice", "rewrite"))
    dates = [row["day"] for row in rows if row["day"] not in (None, BAD)]
    uncovered = bool(dates) and not any(CALENDAR.get_regime(day) for day in dates)
    if all(reasons) or uncovered:
        assert (spliced[1], rewritten[1]) == ([], [])
        assert spliced[0].failure is not None
        assert rewritten[0].failure == spliced[0].failure
        return
    assert (spliced[0].failure, rewritten[0].failure) == (None, None)
    assert spliced[1] == rewritten[1]
    wanted = [row for row, why in zip(rows, reasons, strict=True) if not why]
    assert [(row["symbol"], row["day"], row["market"]["depth"]["bids"]) for row in spliced[1]] == [
        (row["symbol"], row["day"], row.get("bid_count")) for row in wanted
    ]
    left_out = [
        {**row, "_reason": "; ".join(why)} for row, why in zip(table.to_pylist(), reasons, strict=True) if why
    ]
    for found in (spliced[2], rewritten[2]):
        assert repr([] if found is None else found.to_pylist()) == repr(left_out)


def test_a_bad_row_is_told_with_its_column_and_key() -> None:
    table = small_table(4, symbol=["ZL", None, "ZL", "ZL"], bid_count=[1, 2, 0.5, 3])
    found = validate(open_source(table), small_feed(invalid_rows="quarantine"), CALENDAR)
    assert (found.failure, found.report.rows_enriched, found.report.is_valid) == (None, 2, True)
    assert [(each.check, each.column, each.failed_rows, each.first_keys) for each in found.report.checks] == [
        ("types", "bid_count", 1, ({"symbol": "ZL", "day": date(2024, 1, 3)},)),
        ("required", "symbol", 1, ({"symbol": None, "day": date(2024, 1, 2)},)),
    ]


@pytest.mark.parametrize(
    "table",
    [
        small_table(3).drop_columns("day"),
        small_table(3, day=[1.5, 2.5, 3.5]),
        small_table(3, bid_count=[0.5, 1, 2]).drop_columns(["day", "symbol"]),
    ],
)
def test_a_column_that_is_missing_or_of_a_wrong_type_fails_the_file(table: pa.Table) -> None:
    found = validate(open_source(table), small_feed(invalid_rows="quarantine"), CALENDAR)
    assert found.failure is not None
    assert found.failure.reason is Reason.VALIDATION_FAILED


def test_by_default_a_bad_row_fails_the_file() -> None:
    found = validate(open_source(small_table(3, symbol=["ZL", None, "ZL"])), small_feed(), CALENDAR)
    assert found.failure is not None


def test_which_duplicate_to_keep_wants_a_quarantine_for_the_others() -> None:
    with pytest.raises(
        Misconfigured, match="keep_duplicate is 'first'; then invalid_rows must be quarantine"
    ):
        small_feed(keep_duplicate="first")


def test_too_many_bad_values_to_find_one_by_one_fail_the_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cbi.contract.lenient_cast._MOST_SEARCHED", 3)
    table = small_table(5, symbol=pa.array([b"ok", b"\xff1", b"\xff2", b"\xff3", b"\xff4"]))
    found = validate(open_source(table), small_feed(invalid_rows="quarantine"), CALENDAR)
    assert found.failure is not None
    assert "so are more than 3 other values" in found.failure.message


@given(
    st.lists(st.none() | st.sampled_from(["2024-01-05", "2024-02-30", "x", "2024-01-05T10:00"]), max_size=20)
)
@settings(deadline=None)
def test_just_the_values_that_cannot_be_cast_by_themselves_are_refused(values: list[str | None]) -> None:
    cast = find_cast(pa.string(), "DATE")
    assert cast is not None
    found = cast_leniently(cast, pa.array(values, pa.string()))
    assert found.failing.to_pylist() == [value not in (None, "2024-01-05") for value in values]
    assert found.values.to_pylist() == [
        date(2024, 1, 5) if value == "2024-01-05" else None for value in values
    ]
