"""What an enriched object's name says of how it was made."""

from datetime import date

import pytest
from support.tables import CALENDAR, CALM, small_feed

import cbi
from cbi.contract.feed import Feed
from cbi.lookups.regime_calendar import RegimeCalendar, RegimeRange
from cbi.runs.worker_job import inputs_digest

DIGEST = inputs_digest(small_feed(), CALENDAR)
JANUARY = RegimeCalendar((RegimeRange(CALM, date(2024, 1, 1), date(2024, 1, 31)),))


def test_the_same_inputs_have_the_same_digest() -> None:
    assert inputs_digest(small_feed(), CALENDAR) == DIGEST


@pytest.mark.parametrize(
    ("feed", "calendar"),
    [(small_feed(cluster_by=[]), CALENDAR), (small_feed(), JANUARY)],
    ids=["contract", "calendar"],
)
def test_another_contract_or_calendar_has_another_digest(feed: Feed, calendar: RegimeCalendar) -> None:
    assert inputs_digest(feed, calendar) != DIGEST


def test_another_version_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cbi, "__version__", "0.2.1")
    assert inputs_digest(small_feed(), CALENDAR) != DIGEST
