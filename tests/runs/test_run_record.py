"""What a run decided is written down and read again as the same decision."""

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest
from support.tables import small_record

from cbi.errors import Reason
from cbi.findings import ColumnTypeError, ColumnTypes, Duplicates, Failure, ValidationReport
from cbi.runs.record import RunRecord, read_record


def written_and_read(record: RunRecord) -> RunRecord:
    return read_record(msgspec.json.decode(msgspec.json.encode(record)))


FAILED = ValidationReport(
    column_types=ColumnTypes(False, (ColumnTypeError("x", "string", "INT64", "write it as INT64"),), ("y",))
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"failure": Failure(Reason.VALIDATION_FAILED, "x is string"), "validation": FAILED, "parts": ()},
        {"skipped": None, "calendar": None, "target": None},
        {"warnings": ("цена is not in the contract",), "timings": {"stat": 0.25}},
    ],
    ids=["loadable", "failed", "hardly begun", "with warnings"],
)
def test_a_record_is_the_same_after_being_written_and_read(changes: dict[str, Any]) -> None:
    record = replace(small_record(), **changes)
    assert written_and_read(record) == record


def test_the_keys_of_duplicates_come_back_as_they_are_shown() -> None:
    keys: tuple[dict[str, Any], ...] = ({"symbol": "ZL", "day": date(2024, 1, 1)},)
    record = replace(small_record(), validation=ValidationReport(duplicates=Duplicates(False, 2, keys)))
    read = written_and_read(record)
    assert read.validation.duplicates.keys == ({"symbol": "ZL", "day": "2024-01-01"},)
    assert msgspec.json.encode(read) == msgspec.json.encode(record)


def test_a_record_of_a_later_version_can_be_read() -> None:
    content = {**msgspec.to_builtins(small_record()), "a_later_key": 1}
    content["source"]["another"] = None
    assert read_record(content) == small_record()
