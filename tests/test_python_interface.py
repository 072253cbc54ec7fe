"""`from cbi import IngestionPipeline`: tables and DataFrames straight from Python."""

from datetime import date

import polars as pl
import pytest
from support.cloud import Cloud

from cbi import IngestionPipeline
from cbi.local.sample import sample_table
from cbi.settings import Settings

LAST = date(2026, 11, 20)


@pytest.fixture
def pipeline(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> IngestionPipeline:
    for name in ("STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST"):
        monkeypatch.setenv(name, cloud.environment[name])
    return IngestionPipeline(Settings.from_environment(cloud.environment))


def test_an_arrow_table_is_ingested(cloud: Cloud, pipeline: IngestionPipeline, unique: str) -> None:
    report = pipeline.ingest(sample_table(12, LAST, unique))
    assert (report.status, report.rows_loaded) == ("success", 12)
    assert cloud.count(report.run_id) == 12


def test_the_documented_use_runs_as_it_was_written(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, unique: str
) -> None:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    df = sample_table(12, LAST, unique).to_pandas()

    report = IngestionPipeline().ingest(df)

    assert report["status"] == "success", report["message"]
    assert report["rows_loaded"] == 12
    assert 0 < report["duration_seconds"] < 60
    assert report["validation_report"] is report.validation_report
    with pytest.raises(KeyError):
        report["failed"]


def test_a_polars_frame_is_ingested(cloud: Cloud, pipeline: IngestionPipeline, unique: str) -> None:
    report = pipeline.ingest(pl.from_arrow(sample_table(12, LAST, unique)))
    assert (report.status, report.rows_loaded) == ("success", 12), report.message


def test_the_same_table_given_twice_is_loaded_once(
    cloud: Cloud, pipeline: IngestionPipeline, unique: str
) -> None:
    first = pipeline.ingest(sample_table(12, LAST, unique))
    assert pipeline.ingest(sample_table(12, LAST, unique)) == first
    assert cloud.query("SELECT count(*) AS n FROM TABLE WHERE symbol = @s", s=unique) == [{"n": 12}]


def test_a_dataframe_is_ingested(cloud: Cloud, pipeline: IngestionPipeline, unique: str) -> None:
    frame = sample_table(12, LAST, unique).to_pandas()
    frame["data_date"] = frame["data_date"].astype("datetime64[ns]")
    report = pipeline.ingest(frame)
    assert (report.status, report.rows_loaded) == ("success", 12), report.message
    assert cloud.count(report.run_id) == 12


def test_the_steps_can_be_taken_one_by_one(cloud: Cloud, pipeline: IngestionPipeline, unique: str) -> None:
    run = pipeline.validate_and_enrich(sample_table(12, LAST, unique))
    assert run.found is not None
    assert run.found.validation.is_valid
    assert run.plan is not None
    assert [part.rows for part in run.plan.parts] == [12]
    loaded = pipeline.load(run)
    assert (loaded.rows_loaded, loaded.status) == (12, "success")
