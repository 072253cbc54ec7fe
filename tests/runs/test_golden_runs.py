"""Runs of version 0.1 whose objects are in the buckets when this version takes over go on where they were."""

from datetime import date, timedelta

import pyarrow as pa
import pytest
from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud import bigquery
from support.cloud import Cloud
from support.golden import EXPECTED, GOLDEN
from support.tables import to_parquet

from cbi import IngestionPipeline
from cbi.errors import Misconfigured
from cbi.gcs.identity import StagedFile
from cbi.ops.replay import replay
from cbi.ops.undo import undo
from cbi.runs.plan import LoadPlan
from cbi.runs.protocol.log import fold
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
    cloud.bigquery.create_table(bigquery.Table(name, schema), exists_ok=True)


def put_parts(pipeline: IngestionPipeline, file: StagedFile, plan: LoadPlan) -> None:
    """Put the enriched parts where they wait for their load jobs."""
    for part in plan.parts:
        days = [date(2024, 1, 1) + timedelta(days=number) for number in range(part.rows)]
        content = {"symbol": ["A"] * part.rows, "day": days, "run_id": [file.run_id] * part.rows}
        pipeline.outputs.create_parquet(part.name, to_parquet(pa.table(content)))


def test_a_run_that_was_decided_is_loaded_by_the_same_jobs(cloud: Cloud, pipeline: IngestionPipeline) -> None:
    file = put(cloud, "success", "record", "marker")
    plan = fold(pipeline.runs.log(file)).plan
    assert plan is not None
    make_table(cloud, plan)
    put_parts(pipeline, file, plan)
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


def test_a_spliced_run_that_was_refused_goes_on_rewritten(cloud: Cloud, pipeline: IngestionPipeline) -> None:
    """It had written down that it is loaded rewritten, and by which attempt: the one after the refused."""
    file = put(cloud, "spliced_refused", "record", "rewritten", "marker")
    plan = fold(pipeline.runs.log(file)).plan
    assert plan is not None
    make_table(cloud, plan)
    with pytest.raises(NotFound):  # the first attempt is refused: what it would load is not there any more
        cloud.storage.bucket(cloud.output_bucket).blob(plan.parts[0].name).reload()
    first = [f"{job['load_job'].rpartition('_')[0]}_0" for job in EXPECTED["spliced_refused"]["loads"]]
    for job_id in first:
        refused = cloud.bigquery.load_table_from_uri(
            "gs://nowhere/x.parquet",
            "faults.nowhere",
            job_id=job_id,
            job_config=bigquery.LoadJobConfig(source_format="PARQUET"),
        )
        with pytest.raises(GoogleAPICallError):
            refused.result()
    put_parts(pipeline, file, plan)
    report = pipeline.ingest(file)
    assert (report.status, report.rows_loaded) == ("success", 7), report.message
    loads = EXPECTED["spliced_refused"]["loads"]
    assert [job.id for job in report.load_jobs] == [load["load_job"] for load in loads]


def test_a_refused_run_is_replayed_by_jobs_of_its_own(cloud: Cloud, pipeline: IngestionPipeline) -> None:
    file = put(cloud, "refused", "record", "marker", "report")
    plan = fold(pipeline.runs.log(file)).plan
    assert plan is not None
    make_table(cloud, plan)
    put_parts(pipeline, file, plan)
    report = replay(pipeline, file.run_id)
    assert (report.status, report.rows_loaded) == ("success", sum(part.rows for part in plan.parts))
    assert all("_e1_" in job.id for job in report.load_jobs)
    assert replay(pipeline, file.run_id).rows_loaded == report.rows_loaded
    assert undo(pipeline, file.run_id).rows_deleted == report.rows_loaded
    with pytest.raises(Misconfigured, match="was undone"):
        replay(pipeline, file.run_id)
