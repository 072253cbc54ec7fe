"""Which regime each day belongs to: one for a day, one weight for a regime, no gaps in the file."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import CALENDAR, CALM, STORM, days

from cbi.errors import Misconfigured
from cbi.findings import RegimeCoverage
from cbi.lookups.regime_calendar import RegimeCalendar, load_regimes_file

WEIGHTS = {"calm": 400, "storm": 600}


@st.composite
def calendars(draw: st.DrawFn) -> tuple[dict[date, str], RegimeCalendar]:
    """Days with their regime, holes and all, in any order, and the calendar made of them."""
    first = draw(st.dates(date(1, 1, 1), date(9999, 11, 1)))
    names = draw(st.lists(st.none() | st.sampled_from(["calm", "storm"]), min_size=1, max_size=60))
    rows = {first + timedelta(days=number): name for number, name in enumerate(names) if name is not None}
    shuffled = draw(st.permutations(list(rows.items())))
    return rows, RegimeCalendar.from_rows(shuffled, WEIGHTS)


@given(calendars(), st.lists(st.none() | st.dates()))
def test_looking_up_a_column_is_asking_for_each_day(
    made: tuple[dict[date, str], RegimeCalendar], others: list[date | None]
) -> None:
    rows, calendar = made
    asked = [*rows, *others]
    numbers = calendar.lookup(pa.array(asked, pa.date32()))
    one_by_one = [calendar.get_regime(day) if day else None for day in asked]
    assert [regime and regime.name for regime in one_by_one] == [
        rows.get(day) if day else None for day in asked
    ]
    if rows:
        assert calendar.names.take(numbers).to_pylist() == [regime and regime.name for regime in one_by_one]
        assert calendar.weights.take(numbers).to_pylist() == [
            regime and regime.weight for regime in one_by_one
        ]
    else:
        assert numbers.null_count == len(asked)


@given(calendars(), st.lists(st.none() | st.dates()))
def test_coverage_is_of_the_distinct_dates(
    made: tuple[dict[date, str], RegimeCalendar], others: list[date | None]
) -> None:
    rows, calendar = made
    dates = {*rows, *(day for day in others if day is not None)}
    found = calendar.validate_date_coverage(pa.array([*rows, *others, *others], pa.date32()))
    assert (found.total_dates, found.covered_dates) == (len(dates), len(rows))
    assert list(found.missing_dates) == sorted(dates - rows.keys())


def test_the_percentage_of_covered_dates_is_told() -> None:
    found = CALENDAR.validate_date_coverage(pa.array([*days(2), date(1999, 1, 1)]))
    assert found == RegimeCoverage(3, 2, (date(1999, 1, 1),), 66.67)


def test_of_no_dates_nothing_is_covered_and_nothing_missing() -> None:
    assert CALENDAR.validate_date_coverage(pa.array([], pa.date32())) == RegimeCoverage(0, 0, (), 0.0)


def test_a_day_outside_has_no_regime() -> None:
    assert CALENDAR.get_regime(date(2024, 2, 29)) == STORM
    assert CALENDAR.get_regime(date(2024, 1, 1)) == CALM
    assert CALENDAR.get_regime(date(2023, 12, 31)) is None
    assert CALENDAR.get_regime(date(2024, 3, 1)) is None


@given(calendars())
def test_a_calendar_of_rows_counts_its_days(made: tuple[dict[date, str], RegimeCalendar]) -> None:
    rows, calendar = made
    assert calendar.rows == len(rows)
    assert (calendar.min_date, calendar.max_date) == (min(rows, default=None), max(rows, default=None))


def test_a_date_with_two_regimes_is_refused_by_name() -> None:
    rows = [(date(2024, 1, 2), "calm"), (date(2024, 1, 1), "calm"), (date(2024, 1, 2), "storm")]
    with pytest.raises(Misconfigured, match="2024-01-02 twice, as calm and as storm"):
        RegimeCalendar.from_rows(rows, WEIGHTS)


def test_a_date_that_is_there_twice_is_refused_even_with_one_regime() -> None:
    with pytest.raises(Misconfigured, match="2024-01-02 twice"):
        RegimeCalendar.from_rows([(date(2024, 1, 2), "calm")] * 2, WEIGHTS)


def test_a_regime_without_a_weight_is_refused_by_name() -> None:
    with pytest.raises(Misconfigured, match="regime flood of 2024-01-02 has no weight"):
        RegimeCalendar.from_rows([(date(2024, 1, 2), "flood")], WEIGHTS)


def test_the_digest_changes_with_a_day_a_name_or_a_weight_and_with_nothing_else() -> None:
    rows = [(day, "calm") for day in days(3)]
    digest = RegimeCalendar.from_rows(rows, WEIGHTS).digest
    assert RegimeCalendar.from_rows(reversed(rows), WEIGHTS).digest == digest
    others = [
        RegimeCalendar.from_rows(rows[:2], WEIGHTS),
        RegimeCalendar.from_rows([*rows[:2], (rows[2][0], "storm")], WEIGHTS),
        RegimeCalendar.from_rows(rows, {"calm": 401}),
    ]
    assert len({digest, *(other.digest for other in others)}) == 4


def test_the_packaged_calendar_is_the_one_of_two_regimes() -> None:
    calendar = load_regimes_file()
    assert [(each.regime.name, each.regime.weight, each.first, each.days) for each in calendar.ranges] == [
        ("trump_anticipation_2024", 400, date(2023, 11, 1), 446),
        ("trump_second_term", 600, date(2025, 1, 20), 1462),
    ]
    assert (calendar.rows, calendar.max_date) == (1908, date(2029, 1, 20))


def test_a_file_and_the_rows_made_of_it_are_one_calendar() -> None:
    calendar = load_regimes_file()
    rows = [(day, each.regime.name) for each in calendar.ranges for day in days(each.days, each.first)]
    weights = {each.regime.name: each.regime.weight for each in calendar.ranges}
    assert RegimeCalendar.from_rows(rows, weights).digest == calendar.digest


ONE = {"regime": "calm", "from": "2024-01-01", "to": "2024-01-31", "weight": 400}


@pytest.mark.parametrize(
    ("following", "message"),
    [
        ({"from": "2024-02-02"}, r"a gap between calm \(to 2024-01-31\) and storm \(from 2024-02-02\)"),
        ({"from": "2024-01-31"}, r"calm \(to 2024-01-31\) and storm \(from 2024-01-31\) overlap"),
        ({"from": "2023-01-01", "to": "2023-12-31"}, "overlap; ranges must be in order"),
        ({"to": "2024-01-31"}, "storm ends on 2024-01-31, before it begins on 2024-02-01"),
        ({"regime": "calm"}, "calm has two weights, 400 and 600"),
        ({"weight": "heavy"}, "weight an integer"),
        ({"weight": "true"}, "weight an integer"),
        ({"from": "soon"}, "storm: from and to must be dates"),
        ({"to": None}, "'to'"),
    ],
)
def test_an_unsound_file_is_refused_with_the_place_named(
    tmp_path: Path, following: dict[str, Any], message: str
) -> None:
    other = {"regime": "storm", "from": "2024-02-01", "to": "2024-02-29", "weight": 600, **following}
    path = tmp_path / "regimes.yaml"
    lines = (", ".join(f"{key}: {value}" for key, value in each.items() if value) for each in (ONE, other))
    path.write_text("\n".join(f"- {{{line}}}" for line in lines))
    with pytest.raises(Misconfigured, match=message) as raised:
        load_regimes_file(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("content", ["", "[]", "[", "calm: 400", "- calm"])
def test_a_file_without_a_list_of_regimes_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "regimes.yaml"
    path.write_text(content)
    with pytest.raises(Misconfigured, match=r"regimes\.yaml"):
        load_regimes_file(path)
