"""What was decided of a run is written down and read again as the same."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from support.tables import failed_run, small_run

from cbi.errors import Reason
from cbi.findings import ColumnTypeError, ColumnTypes, Duplicates, Failure, ValidationReport
from cbi.gcs.identity import StagedFile
from cbi.runs.plan import Found
from cbi.runs.protocol.log import (
    Attempt,
    Done,
    Entry,
    Failed,
    GivenUp,
    LoadedPart,
    Planned,
    Replay,
    Rewritten,
    Survived,
    Undo,
    Undone,
)
from cbi.runs.report import LoadJob, Source
from cbi.runs.stored import StoredLog

FILE = StagedFile("in", "staged/x.parquet", 7)
NOW = datetime(2024, 2, 1, 12, tzinfo=UTC)
TYPES = ColumnTypes(False, (ColumnTypeError("x", "string", "INT64", "write it as INT64"),), ("y",))
LOADED = (LoadedPart(0, LoadJob("job_0", 10, 10)), LoadedPart(1, LoadJob("job_1", 5, 5, 1, 4)))
REFUSED = Failure(Reason.LOAD_FAILED, "no such field")


def planned(**found: Any) -> Planned:
    run = small_run(**found)
    assert run.found is not None
    assert run.plan is not None
    return Planned(run.found, run.plan)


def failed(**found: Any) -> Failed:
    run = failed_run(Failure(Reason.VALIDATION_FAILED, "x is string"), **found)
    assert run.found is not None
    assert run.failure is not None
    return Failed(run.found, run.failure)


def as_json(entry: Entry) -> dict[str, Any]:
    stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(StoredLog(FILE, (entry,))))
    return stored


def read(stored: dict[str, Any]) -> Entry:
    (entry,) = msgspec.convert(stored, StoredLog).entries
    return entry


@pytest.mark.parametrize(
    "entry",
    [
        planned(),
        planned(warnings=("цена is not in the contract",), timings={"stat": 0.25}),
        failed(validation=ValidationReport(column_types=TYPES)),
        Failed(Found(Source("gs://in/staged/x.parquet", 7), "x"), Failure(Reason.UNKNOWN_FEED, "no x")),
        Attempt(NOW),
        Survived(NOW),
        Rewritten(1, planned().found, planned().plan, LOADED),
        GivenUp(REFUSED, LOADED),
        Replay(1),
        Done(LOADED),
        Undo(),
        Undone(NOW, 15),
    ],
    ids=lambda entry: type(entry).__name__,
)
def test_an_entry_is_the_same_after_being_written_and_read(entry: Entry) -> None:
    assert read(as_json(entry)) == entry


def test_the_keys_of_duplicates_come_back_as_they_are_shown() -> None:
    keys: tuple[dict[str, Any], ...] = ({"symbol": "ZL", "day": date(2024, 1, 1)},)
    entry = planned(validation=ValidationReport(duplicates=Duplicates(False, 2, keys)))
    again = read(as_json(entry))
    assert isinstance(again, Planned)
    assert again.found.validation.duplicates.keys == ({"symbol": "ZL", "day": "2024-01-01"},)
    assert as_json(again) == as_json(entry)


def test_a_log_of_a_later_version_can_be_read() -> None:
    stored = {**as_json(planned()), "a_later_key": 1}
    stored["entries"][0]["found"]["source"]["another"] = None
    stored["entries"][0]["plan"]["another"] = None
    assert read(stored) == planned()


def test_a_log_says_which_version_wrote_it() -> None:
    assert as_json(planned())["cbi_version"] == "0.2.0"
