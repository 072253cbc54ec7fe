"""What the first version stored is read by this one, and its runs go on where they stopped.

`golden/` was written by that version on the local stack: a folder for each run with the objects it left, and
in `expected.json` where they were, what that version would have loaded next, and by which jobs.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cbi.gcs.identity import StagedFile, delete_job_id, load_job_id, merge_job_id, staging_table
from cbi.ops.sweep import SweepReport
from cbi.ops.undo import UndoReport
from cbi.runs.content import Marker
from cbi.runs.record import read_record
from cbi.runs.report import Report

GOLDEN = Path(__file__).parent / "golden"
EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())


def stored(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.parametrize("run", EXPECTED)
def test_a_record_stands_for_the_same_loads(run: str) -> None:
    expected = EXPECTED[run]
    names = ("rewritten.json", "record.json")
    path = next(path for name in names if (path := GOLDEN / run / name).exists())
    record = read_record(stored(path))
    assert record.file == StagedFile(*expected["file"])
    assert record.file.run_id == expected["run_id"]
    assert record.refusals == expected["ignored_failures"]
    loads = [
        {
            "uri": f"gs://cbi-output/{part.name}",
            "rows": part.rows,
            "table": record.target.table,
            "dates": [str(part.first_date), str(part.last_date)],
            "load_job": load_job_id(record.feed, record.file.run_id, number, record.refusals),
            "merge_job": merge_job_id(record.feed, record.file.run_id, number, record.refusals),
            "delete_job": delete_job_id(record.feed, record.file.run_id, number, 0),
            "staging_table": staging_table(record.target.table, record.file.run_id, number),
        }
        for number, part in enumerate(record.parts)
        if record.target is not None
    ]
    assert loads == expected["loads"]
    assert record.temporary_objects == tuple(stored(path)["leftovers"])


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/report.json")), ids=lambda path: path.parent.name)
def test_a_report_is_read(path: Path) -> None:
    report, content = msgspec.convert(stored(path), Report), stored(path)
    assert (report.status, report.reason, report.run_id) == (
        content["status"],
        content["reason"],
        content["run_id"],
    )
    assert [job.id for job in report.load_jobs] == [job["id"] for job in content["load_jobs"]]


def test_an_undo_is_read() -> None:
    undone = msgspec.convert(stored(GOLDEN / "undone/undone.json"), UndoReport)
    assert (undone.run_id, undone.rows_deleted) == (EXPECTED["undone"]["run_id"], 7)


def test_a_sweep_is_read() -> None:
    assert msgspec.convert(stored(GOLDEN / "sweep.json"), SweepReport).run == 1


@pytest.mark.parametrize(("run", "replays"), [("success", 0), ("replayed", 1), ("undeduped", 1)])
def test_a_marker_is_read(run: str, replays: int) -> None:
    marker = msgspec.convert(stored(GOLDEN / run / "marker.json"), Marker)
    assert marker.owner == StagedFile(*EXPECTED[run]["file"])
    assert (marker.replays, marker.replayed) == (replays, replays > 0)


@pytest.mark.parametrize("run", ["replayed", "undeduped"])
def test_what_a_replay_left_is_read(run: str) -> None:
    report = msgspec.convert(stored(GOLDEN / run / "finished.json"), Report)
    assert (report.status, report.run_id) == ("success", EXPECTED[run]["run_id"])
