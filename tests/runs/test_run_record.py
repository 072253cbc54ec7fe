"""What a run decided is written down and read again as the same decision."""

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest
from support.tables import failed_record, small_record

from cbi.errors import Reason
from cbi.findings import ColumnTypeError, ColumnTypes, Duplicates, Failure, ValidationReport
from cbi.gcs.identity import StagedFile
from cbi.runs.plan import Found
from cbi.runs.record import Failed, Planned, RunRecord
from cbi.runs.report import Source
from cbi.runs.upgrade import upgrade_record

FAILED = ValidationReport(
    column_types=ColumnTypes(False, (ColumnTypeError("x", "string", "INT64", "write it as INT64"),), ("y",))
)


def as_json(record: RunRecord) -> dict[str, Any]:
    stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record))
    return stored


def read(stored: dict[str, Any]) -> RunRecord:
    return msgspec.convert(upgrade_record(stored), RunRecord)


def with_found(**changes: Any) -> RunRecord:
    record = small_record()
    assert record.plan is not None
    return replace(record, decision=Planned(replace(record.found, **changes), record.plan))


@pytest.mark.parametrize(
    "record",
    [
        small_record(),
        failed_record(Failure(Reason.VALIDATION_FAILED, "x is string"), validation=FAILED),
        RunRecord(
            StagedFile("in", "staged/x.parquet", 7),
            Failed(Found(Source("gs://in/staged/x.parquet", 7), "x"), Failure(Reason.UNKNOWN_FEED, "no x")),
        ),
        with_found(warnings=("цена is not in the contract",), timings={"stat": 0.25}),
    ],
    ids=["loadable", "failed", "hardly begun", "with warnings"],
)
def test_a_record_is_the_same_after_being_written_and_read(record: RunRecord) -> None:
    assert read(as_json(record)) == record


def test_the_keys_of_duplicates_come_back_as_they_are_shown() -> None:
    keys: tuple[dict[str, Any], ...] = ({"symbol": "ZL", "day": date(2024, 1, 1)},)
    record = with_found(validation=ValidationReport(duplicates=Duplicates(False, 2, keys)))
    again = read(as_json(record))
    assert again.found.validation.duplicates.keys == ({"symbol": "ZL", "day": "2024-01-01"},)
    assert as_json(again) == as_json(record)


def test_a_record_of_a_later_version_can_be_read() -> None:
    stored = {**as_json(small_record()), "a_later_key": 1}
    stored["decision"]["found"]["source"]["another"] = None
    stored["decision"]["plan"]["another"] = None
    assert read(stored) == small_record()


def test_a_record_says_which_version_decided() -> None:
    assert as_json(small_record())["cbi_version"] == "0.2.0"
