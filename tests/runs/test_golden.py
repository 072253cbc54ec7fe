"""What version 0.1 stored is read by this one and means the same."""

import json
from typing import Any

import msgspec
import pytest
from support.golden import EXPECTED, read_record, stored

from cbi.gcs.identity import StagedFile
from cbi.ops.sweep import SweepReport
from cbi.ops.undo import UndoReport
from cbi.runs.content import Marker
from cbi.runs.plan import LoadPlan
from cbi.runs.record import RunRecord
from cbi.runs.report import Report
from cbi.runs.upgrade import upgrade_report
from cbi.warehouse.job_ids import delete_job_id, load_job_id, merge_job_id, staging_table


def loads(record: RunRecord, plan: LoadPlan) -> list[dict[str, Any]]:
    """What there is to load and by which jobs, in the form of `expected.json`."""
    run_id = record.file.run_id
    return [
        {
            "uri": f"gs://cbi-output/{part.name}",
            "rows": part.rows,
            "table": plan.target.table,
            "dates": [str(part.first_date), str(part.last_date)],
            "load_job": load_job_id(plan.target.feed, run_id, number, plan.refusals),
            "merge_job": merge_job_id(plan.target.feed, run_id, number, plan.refusals),
            "delete_job": delete_job_id(plan.target.feed, run_id, number, 0),
            "staging_table": staging_table(plan.target.table, run_id, number),
        }
        for number, part in enumerate(plan.parts)
    ]


@pytest.mark.parametrize("run", EXPECTED)
def test_a_record_stands_for_the_same_loads(run: str) -> None:
    record, expected = read_record(run), EXPECTED[run]
    assert record.file == StagedFile(*expected["file"])
    assert record.file.run_id == expected["run_id"]
    assert record.cbi_version is None
    assert (loads(record, record.plan) if record.plan else []) == expected["loads"]
    assert record.plan is None or record.plan.refusals == expected["ignored_failures"]


def test_a_spliced_record_names_what_is_to_be_tidied_up() -> None:
    record = read_record("spliced")
    assert record.plan is not None
    assert record.plan.spliced
    assert record.plan.temporary_objects == tuple(stored("spliced", "record")["leftovers"])
    assert len(record.plan.temporary_objects) == 3


@pytest.mark.parametrize("run", EXPECTED)
def test_a_report_is_read(run: str) -> None:
    report, content = msgspec.convert(upgrade_report(stored(run, "report")), Report), stored(run, "report")
    if (enrichment := content["enrichment"]) is not None:
        enrichment["strategy"] = enrichment.pop("way")
        enrichment["fallback_reason"] = enrichment.pop("why")
    content["validation_report"] |= {"checks": [], "quarantine_reasons": {}}
    content["finished_at"] = content["finished_at"].replace("+00:00", "Z")
    assert json.loads(report.to_json()) == {**content, "cbi_version": None}


def test_an_undo_is_read() -> None:
    undone = msgspec.convert(stored("undone", "undone"), UndoReport)
    assert (undone.run_id, undone.rows_deleted) == (EXPECTED["undone"]["run_id"], 7)


def test_a_sweep_is_read() -> None:
    assert msgspec.convert(stored("", "sweep"), SweepReport).run == 1


@pytest.mark.parametrize(("run", "replays"), [("success", 0), ("replayed", 1), ("undeduped", 1)])
def test_a_marker_is_read(run: str, replays: int) -> None:
    marker = msgspec.convert(stored(run, "marker"), Marker)
    assert marker.owner == StagedFile(*EXPECTED[run]["file"])
    assert (marker.replays, marker.refusals) == (replays, replays)


@pytest.mark.parametrize("run", ["replayed", "undeduped"])
def test_what_a_replay_left_is_read(run: str) -> None:
    report = msgspec.convert(upgrade_report(stored(run, "finished")), Report)
    assert (report.status, report.run_id) == ("success", EXPECTED[run]["run_id"])
