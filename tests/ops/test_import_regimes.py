"""A calendar of days or of ranges becomes one of regimes, or is refused by what is wrong with it."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cloud import Cloud
from support.command_line import cbi
from support.tables import CALENDAR, CALM, STORM, days, to_parquet

from cbi.errors import Misconfigured
from cbi.lookups.regime_calendar import RegimeCalendar, load_regimes_file
from cbi.ops.import_regimes import ImportedRegimes, calendar_text, import_regimes

TODAY = date(2024, 1, 15)


def imported(**columns: Any) -> ImportedRegimes:
    return import_regimes(pa.table(columns), CALENDAR, TODAY)


def ranges(found: ImportedRegimes) -> list[tuple[str, date, date]]:
    return [(each.regime.name, each.first, each.last) for each in found.calendar.ranges]


def test_days_of_one_regime_become_a_range() -> None:
    found = imported(date=days(60), regime=["calm"] * 31 + ["storm"] * 29)
    assert (found.calendar, found.filled_days) == (CALENDAR, 0)


def test_days_may_come_in_any_order_and_with_nanoseconds() -> None:
    times = [datetime(day.year, day.month, day.day) for day in reversed(days(60))]
    found = imported(Date=pa.array(times, pa.timestamp("ns")), REGIME=["storm"] * 29 + ["calm"] * 31)
    assert found.calendar == CALENDAR


def test_a_weekend_belongs_to_the_regime_before() -> None:
    friday = date(2024, 1, 5)
    found = imported(date=[friday, friday + timedelta(days=3)], regime=["calm", "storm"])
    assert ranges(found) == [
        ("calm", friday, date(2024, 1, 7)),
        ("storm", date(2024, 1, 8), date(2024, 1, 8)),
    ]
    assert found.filled_days == 2


def test_ranges_are_taken_and_those_of_one_regime_that_follow_each_other_are_one() -> None:
    found = imported(
        valid_from=["2024-01-01", "2024-01-11", "2024-02-01"],
        valid_to=["2024-01-10", "2024-01-31", "2024-02-29"],
        regime=["calm", "calm", "storm"],
    )
    assert found.calendar == CALENDAR


def test_a_weight_in_the_table_goes_before_the_known_one() -> None:
    found = imported(date=days(2), regime=["calm", "new"], weight=[5.0, 7.0], description=["a", None])
    assert [(each.regime.weight, each.regime.description) for each in found.calendar.ranges] == [
        (5, "a"),
        (7, ""),
    ]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"date": days(1) * 2, "regime": ["calm", "storm"]}, "overlap; every day must have one regime"),
    ({"date": days(1) * 2, "regime": ["calm", "calm"]}, "overlap"),
    ({"date": [days(1)[0], days(7)[6]], "regime": ["calm", "calm"]}, "there is a gap of 5 days between calm"),
    ({"date": days(1), "regime": ["panic"]}, "no weight is known of panic"),
    ({"date": days(2), "regime": ["calm"] * 2, "weight": [1, 2]}, "calm has two weights, 1 and 2"),
    ({"date": days(1), "regime": ["calm"], "weight": [1.5]}, "it must be a whole number"),
    ({"date": [1.5], "regime": ["calm"]}, "date is double, and must hold dates"),
    ({"date": ["soon"], "regime": ["calm"]}, "date: 'soon' is not a date"),
    ({"date": [days(1)[0], None], "regime": ["calm"] * 2}, "row 2 of the calendar has no date"),
    ({"date": days(1), "mood": ["calm"]}, "has no column with the regime: it must be called regime"),
    ({"when": days(1), "regime": ["calm"]}, "has no column with the day: it must be called date"),
    ({"from": days(1), "regime": ["calm"]}, "has no column with the last day"),
    ({"from": ["2024-01-02"], "to": ["2024-01-01"], "regime": ["calm"]}, "calm ends on 2024-01-01, before"),
    ({"date": pa.array([], pa.date32()), "regime": pa.array([], pa.string())}, "the calendar has no rows"),
]


@pytest.mark.parametrize(("columns", "said"), REFUSED)
def test_what_is_no_calendar_is_refused(columns: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        imported(**columns)


def test_an_end_that_is_near_or_past_and_days_that_are_lost_are_warned_of() -> None:
    ended = imported(date=days(10), regime=["calm"] * 10)
    assert ended.warnings == (
        "the calendar ended on 2024-01-10: rows of later dates go to quarantine",
        "50 days lose their regime, from 2024-01-11 to 2024-02-29",
    )
    near = imported(date=days(60), regime=["calm"] * 60)
    assert near.warnings == (
        "the calendar ends on 2024-02-29, in 45 days: rows of later dates go to quarantine",
    )
    assert imported(date=days(400), regime=["calm"] * 400).warnings == ()


@given(st.lists(st.tuples(st.sampled_from([CALM, STORM]), st.integers(1, 40)), min_size=1, max_size=8))
def test_a_calendar_told_by_days_is_the_one_told_by_ranges(lengths: list[tuple[Any, int]]) -> None:
    regimes = [regime for regime, count in lengths for _ in range(count)]
    by_days = imported(date=days(len(regimes)), regime=[regime.name for regime in regimes])
    wanted = RegimeCalendar.from_rows(
        zip(days(len(regimes)), [regime.name for regime in regimes], strict=True),
        {regime.name: regime.weight for regime in (CALM, STORM)},
    )
    assert by_days.calendar == wanted
    columns = [(each.first, each.last, each.regime.name) for each in wanted.ranges]
    first, last, name = map(list, zip(*columns, strict=True))
    assert imported(**{"from": first, "to": last, "regime": name}).calendar == wanted


def test_what_is_saved_is_a_regimes_file(tmp_path: Path) -> None:
    path = tmp_path / "regimes.yaml"
    path.write_text(calendar_text(CALENDAR))
    assert load_regimes_file(path) == CALENDAR


def test_the_command_shows_the_change_and_saves_it(tmp_path: Path) -> None:
    table = pa.table({"date": days(2), "regime": ["calm", "storm"], "weight": [1, 2]})
    pyarrow.csv.write_csv(table, tmp_path / "calendar.csv")
    to_parquet(table, tmp_path / "calendar.parquet")
    saved = tmp_path / "regimes.yaml"
    for name in ("calendar.csv", "calendar.parquet"):
        done = cbi("regimes", "import", tmp_path / name, "--save", saved, environment={})
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[1:] == [
            "- 2025-01-20  2029-01-20   1462 days    600  trump_second_term",
            "+ 2024-01-01  2024-01-01      1 days      1  calm",
            "+ 2024-01-02  2024-01-02      1 days      2  storm",
            "0 days without a row have the regime before",
        ]
        assert "warning: the calendar ended on 2024-01-02" in done.stderr
        assert [each.regime.name for each in load_regimes_file(saved).ranges] == ["calm", "storm"]
        saved.unlink()


def test_the_calendar_in_bigquery_can_be_imported_again(cloud: Cloud) -> None:
    done = cbi("regimes", "import", "training.regime_calendar", environment=cloud.environment)
    assert done.returncode == 0, done.stderr
    known = load_regimes_file().ranges
    assert [line[:2] for line in done.stdout.splitlines()[:-1]] == ["  "] * len(known)


def test_what_is_neither_file_nor_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "calendar.xlsx").touch()
    for source in (tmp_path / "calendar.xlsx", "calendar"):
        done = cbi("regimes", "import", source, environment={})
        assert done.returncode == 1
        assert "must be a .parquet or .csv file, or a dataset.table of BigQuery" in done.stderr
    done = cbi("regimes", "import", tmp_path / "missing.csv", environment={})
    assert "missing.csv cannot be read" in done.stderr
