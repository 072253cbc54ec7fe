"""What an enriched object's name says of how it was made."""

from dataclasses import replace
from datetime import date

import pytest
from support.tables import CALENDAR, CALM, FINALIZED_AT, small_feed

import cbi
from cbi.gcs.identity import StagedFile
from cbi.gcs.store import StagedObject
from cbi.lookups.regime_calendar import RegimeCalendar, RegimeRange
from cbi.runs.preparation import Inputs

STAGED = StagedObject(StagedFile("in", "staged/small/x.parquet", 7), 1234, FINALIZED_AT, "0a1b2c3d", None)
INPUTS = Inputs(small_feed(), CALENDAR, STAGED)


def test_the_same_inputs_have_the_same_digest() -> None:
    assert Inputs(small_feed(), CALENDAR, STAGED).digest == INPUTS.digest


@pytest.mark.parametrize(
    "other",
    [
        replace(INPUTS, feed=small_feed(cluster_by=[])),
        replace(INPUTS, calendar=RegimeCalendar((RegimeRange(CALM, date(2024, 1, 1), date(2024, 1, 31)),))),
    ],
    ids=["contract", "calendar"],
)
def test_another_contract_or_calendar_has_another_digest(other: Inputs) -> None:
    assert other.digest != INPUTS.digest


def test_another_version_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = INPUTS.digest
    monkeypatch.setattr(cbi, "__version__", "0.2.1")
    assert INPUTS.digest != before
