"""What version 0.1 stored is read by this one and means the same."""

import json
from typing import Any

import msgspec
import pytest
from support.golden import EXPECTED, read_log, stored

from cbi.gcs.identity import StagedFile
from cbi.ops.sweep import SweepReport
from cbi.runs.plan import LoadPlan
from cbi.runs.protocol.log import Run, fold
from cbi.runs.report import Report
from cbi.runs.upgrade import upgrade_report
from cbi.warehouse.job_ids import delete_job_id, load_job_id, merge_job_id, staging_table


def loads(run: Run, plan: LoadPlan) -> list[dict[str, Any]]:
    """What there is to load and by which jobs, in the form of `expected.json`."""
    run_id, attempt = run.file.run_id, run.ignored_refusals
    return [
        {
            "uri": f"gs://cbi-output/{part.name}",
            "rows": part.rows,
            "table": plan.target.table,
            "dates": [str(part.first_date), str(part.last_date)],
            "load_job": load_job_id(plan.target.feed, run_id, number, 0, attempt),
            "merge_job": merge_job_id(plan.target.feed, run_id, number, 0, attempt),
            "delete_job": delete_job_id(plan.target.feed, run_id, number, 0),
            "staging_table": staging_table(plan.target.table, run_id, number, 0),
        }
        for number, part in enumerate(plan.parts)
    ]


@pytest.mark.parametrize("run", EXPECTED)
def test_a_run_stands_for_the_same_loads(run: str) -> None:
    read, expected = fold(read_log(run)), EXPECTED[run]
    assert read.file == StagedFile(*expected["file"])
    assert read.file.run_id == expected["run_id"]
    assert (loads(read, read.plan) if read.plan else []) == expected["loads"]
    assert read.plan is None or read.ignored_refusals == expected["ignored_failures"]


@pytest.mark.parametrize(
    ("run", "stage"),
    [
        ("success", "loading"),
        ("quarantined", "loading"),
        ("spliced", "loading"),
        ("spliced_refused", "loading"),
        ("refused", "loading"),
        ("replayed", "done"),
        ("undeduped", "done"),
        ("undone", "undone"),
        ("validation_failed", "failed"),
        ("duplicate", "failed"),
    ],
)
def test_a_run_is_as_far_as_it_was(run: str, stage: str) -> None:
    read = fold(read_log(run))
    assert read.stage == stage
    assert read.sealing == (run == "refused")
    assert read.plan is None or read.plan.claim.startswith("content/")


def test_a_spliced_record_names_what_is_to_be_tidied_up() -> None:
    plan = fold(read_log("spliced")).plan
    assert plan is not None
    assert plan.spliced
    assert plan.temporary_objects == tuple(stored("spliced", "record")["leftovers"])
    assert len(plan.temporary_objects) == 3


@pytest.mark.parametrize("run", EXPECTED)
def test_a_report_is_read(run: str) -> None:
    report, content = msgspec.convert(upgrade_report(stored(run, "report")), Report), stored(run, "report")
    if (enrichment := content["enrichment"]) is not None:
        enrichment["strategy"] = enrichment.pop("way")
        enrichment["fallback_reason"] = enrichment.pop("why")
        enrichment["searched_columns"] = 0
    content["validation_report"] |= {"checks": [], "quarantine_reasons": {}}
    content["finished_at"] = content["finished_at"].replace("+00:00", "Z")
    assert json.loads(report.to_json()) == {**content, "cbi_version": None}


def test_an_undo_is_read() -> None:
    assert fold(read_log("undone")).rows_deleted == 7


def test_a_sweep_is_read() -> None:
    assert msgspec.convert(stored("", "sweep"), SweepReport).run == 1


@pytest.mark.parametrize("run", ["replayed", "undeduped"])
def test_what_a_replay_loaded_is_read(run: str) -> None:
    read = fold(read_log(run))
    assert read.plan is not None
    assert sum(part.job.rows for part in read.loaded) == sum(part.rows for part in read.plan.parts)
