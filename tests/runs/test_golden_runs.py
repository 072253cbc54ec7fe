"""Runs of version 0.1 whose objects are in the buckets when this version takes over go on where they were."""

from datetime import date, timedelta

import pyarrow as pa
import pytest
from google.cloud import bigquery
from support.cloud import Cloud
from support.golden import EXPECTED, GOLDEN
from support.tables import to_parquet

from cbi import IngestionPipeline
from cbi.gcs.identity import StagedFile
from cbi.ops.undo import undo
from cbi.runs.loading import load_requests
from cbi.runs.plan import LoadPlan
from cbi.settings import Settings


@pytest.fixture
def pipeline(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> IngestionPipeline:
    for name in ("STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST"):
        monkeypatch.setenv(name, cloud.environment[name])
    return IngestionPipeline(Settings.from_environment(cloud.environment))


def put(cloud: Cloud, run: str, *kinds: str) -> StagedFile:
    """Put some of what a run had left in the output bucket, and return its file, which is gone."""
    for kind in kinds:
        blob = cloud.storage.bucket(cloud.output_bucket).blob(EXPECTED[run]["stored_as"][kind])
        blob.upload_from_filename(GOLDEN / run / f"{kind}.json")
    return StagedFile(*EXPECTED[run]["file"])


def make_table(cloud: Cloud, plan: LoadPlan) -> None:
    name = f"{cloud.project}.{plan.target.table}"
    cloud.bigquery.create_dataset(name.rpartition(".")[0], exists_ok=True)
    schema = [bigquery.SchemaField.from_api_repr(field) for field in plan.target.schema]
    cloud.bigquery.create_table(bigquery.Table(name, schema))


def test_a_run_that_was_decided_is_loaded_by_the_same_jobs(cloud: Cloud, pipeline: IngestionPipeline) -> None:
    file = put(cloud, "success", "record", "marker")
    record = pipeline.runs.record(file.run_id)
    assert record is not None
    assert record.plan is not None
    make_table(cloud, record.plan)
    for request in load_requests(record, pipeline.outputs):
        rows = request.part.rows
        days = [date(2024, 1, 1) + timedelta(days=number) for number in range(rows)]
        part = pa.table({"symbol": ["A"] * rows, "day": days, "run_id": [file.run_id] * rows})
        pipeline.outputs.create_parquet(request.part.name, to_parquet(part))
    report = pipeline.ingest(file)
    assert (report.status, report.rows_loaded) == ("success", 7)
    assert [job.id for job in report.load_jobs] == [load["load_job"] for load in EXPECTED["success"]["loads"]]


def test_a_run_that_has_its_report_keeps_it(cloud: Cloud, pipeline: IngestionPipeline) -> None:
    file = put(cloud, "quarantined", "record", "marker", "report")
    report = pipeline.ingest(file)
    assert (report.status, report.rows_loaded, report.cbi_version) == ("success", 4, None)


def test_an_undo_is_not_repeated(cloud: Cloud, pipeline: IngestionPipeline) -> None:
    file = put(cloud, "undone", "record", "marker", "report", "undone")
    assert undo(pipeline, file.run_id).rows_deleted == 7
