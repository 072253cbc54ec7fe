"""A report says what became of a run, in the form that its JSON Schema describes."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import jsonschema
import msgspec
import pytest
from support.reports import validate_report
from support.tables import failed_run, small_feed, small_run

from cbi.contract.target import Target
from cbi.errors import Fault, FaultKind, Reason
from cbi.findings import (
    ColumnTypeError,
    ColumnTypes,
    Failure,
    RegimeCoverage,
    RequiredFields,
    ValidationReport,
)
from cbi.runs.outcome import make_report
from cbi.runs.protocol.chain import PartEnd
from cbi.runs.protocol.decisions import count_mismatch, refusal
from cbi.runs.protocol.log import LoadedPart, Run
from cbi.runs.report import SCHEMA_FILE, LoadJob, Report
from cbi.runs.report_schema import schema_text

DONE = (LoadedPart(0, LoadJob("job_0", 10, 10)), LoadedPart(1, LoadJob("job_1", 5, 5)))
MERGED = (
    LoadedPart(0, LoadJob("job_0", 10, 10, inserted=10, updated=0)),
    LoadedPart(1, LoadJob("job_1", 5, 5, inserted=1, updated=4)),
)


def report(run: Run, loaded: tuple[LoadedPart, ...] = (), failure: Failure | None = None) -> Report:
    uri = "gs://out/quarantine/x.parquet/7.parquet" if run.plan and run.plan.quarantine_object else None
    return make_report(run, loaded, failure or run.failure, uri, seconds=2.0, timings={"load": 0.5})


def as_json(made: Report) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(made.to_json())
    validate_report(read)
    return read


def test_a_success_accounts_for_every_row() -> None:
    run = small_run()
    made = as_json(report(run, DONE))
    assert (made["status"], made["reason"]) == ("success", None)
    assert (made["rows_processed"], made["rows_enriched"], made["rows_skipped"]) == (18, 15, 3)
    assert (made["rows_loaded"], made["batches"], made["rows_per_second"]) == (15, 2, 9.0)
    assert [(job["id"], job["rows"], job["partitions"]) for job in made["load_jobs"]] == [
        ("job_0", 10, 10),
        ("job_1", 5, 5),
    ]
    assert made["message"] == (
        "15 rows are loaded into features.small. 3 rows were skipped because their date has no regime; they"
        " are kept in gs://out/quarantine/x.parquet/7.parquet. Extend regimes.yaml, run `python -m cbi"
        f" regimes --apply`, then `python -m cbi replay {run.file.run_id}` loads them."
    )


def test_a_feed_that_upserts_tells_new_rows_from_corrected_ones() -> None:
    run = small_run()
    assert run.plan is not None
    plan = replace(run.plan, target=Target.of(small_feed(write="upsert")), quarantine_object=None)
    made = as_json(report(replace(run, plan=plan), MERGED))
    assert (made["rows_loaded"], made["rows_inserted"], made["rows_updated"]) == (15, 11, 4)
    assert "11 were new, 4 took another's place" in made["message"]


def test_a_job_that_loaded_other_rows_than_it_should_is_a_failure() -> None:
    loaded = (DONE[0], LoadedPart(1, LoadJob("job_1", 4, 5)))
    made = as_json(report(small_run(), loaded, count_mismatch(small_run(), loaded)))
    assert (made["status"], made["reason"]) == ("failed", "row_count_mismatch")
    assert "job_1 loaded 4 rows where 5 were to be loaded" in made["message"]
    assert made["run_id"] in made["message"]
    assert (made["rows_loaded"], made["batches"]) == (14, 2)


def test_a_refused_job_is_a_failure_that_tells_what_is_loaded_all_the_same() -> None:
    run, loaded = small_run(), DONE[:1]
    refused = PartEnd(error=Fault(FaultKind.REFUSED, "invalid", "job_1: No such field: x"))
    made = as_json(report(run, loaded, refusal(run, (PartEnd(loaded[0].job), refused), loaded)))
    assert (made["status"], made["reason"]) == ("failed", "load_failed")
    assert made["message"] == (
        "BigQuery refused the load and 1 of 2 parts are loaded. job_1: No such field: x"
    )
    assert (made["rows_loaded"], made["batches"]) == (10, 1)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_report(reason: Reason) -> None:
    failure = Failure(reason, "what to do")
    made = as_json(report(failed_run(failure, validation=ValidationReport(), table=None, calendar=None)))
    status = "skipped" if reason is Reason.DUPLICATE_CONTENT else "failed"
    assert (made["status"], made["reason"], made["message"]) == (status, reason, "what to do")
    assert (made["rows_loaded"], made["load_jobs"], made["quarantine_uri"]) == (0, [], None)


def test_lists_are_cut_at_100_with_their_length_beside() -> None:
    names = tuple(f"column_{number}" for number in range(101))
    error = ColumnTypeError("x", "string", "INT64", "write it as INT64")
    validation = ValidationReport(
        required_fields=RequiredFields(False, missing_fields=names),
        regime_coverage=RegimeCoverage(4_000, 0, (date(2020, 1, 1),) * 4_000, 0.0),
        column_types=ColumnTypes(False, (error,) * 150, names, names, names[:100]),
    )
    jobs = tuple(LoadedPart(number, LoadJob(f"job_{number}", 0, 1)) for number in range(300))
    failure = Failure(Reason.VALIDATION_FAILED, "")
    made = as_json(report(failed_run(failure, validation=validation, warnings=names), jobs))
    found = made["validation_report"]
    for place, key, length in (
        (made, "load_jobs", 300),
        (made, "warnings", 101),
        (found["required_fields"], "missing_fields", 101),
        (found["regime_coverage"], "missing_dates", 4_000),
        (found["column_types"], "errors", 150),
        (found["column_types"], "cast_columns", 101),
        (found["column_types"], "unknown_columns", 101),
    ):
        assert (len(place[key]), place[f"{key}_total"]) == (100, length)
    assert len(found["column_types"]["absent_columns"]) == 100
    assert "absent_columns_total" not in found["column_types"]


def test_the_schema_is_the_one_that_the_types_make() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), "run `python -m cbi.runs.report_schema`"


@pytest.mark.parametrize(
    "change",
    [{"status": "done"}, {"extra": 1}, {"rows_loaded": -1}, {"run_id": "run-1"}, {"reason": "bad_luck"}],
    ids=str,
)
def test_the_schema_refuses_what_is_no_report(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate_report({**as_json(report(small_run(), DONE)), **change})


def test_a_report_is_the_same_after_being_written_and_read() -> None:
    made = report(small_run(), DONE)
    assert msgspec.json.decode(made.to_json(), type=Report) == made
