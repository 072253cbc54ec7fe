"""What follows a report: an entry of the history and a page beside it, neither of which can fail a run."""

import dataclasses
from datetime import date

import pytest
from support.cloud import Cloud
from support.command_line import cbi_on
from support.tables import to_parquet

from cbi import IngestionPipeline
from cbi.gcs.outputs import Outputs
from cbi.local.sample import sample_table
from cbi.ops.announce import announce, history_of
from cbi.ops.sweep import sweep
from cbi.runs.report import Report
from cbi.settings import Settings

LAST = date(2026, 11, 20)


def ingest(pipeline: IngestionPipeline, unique: str) -> Report:
    return pipeline.ingest(sample_table(7, LAST, unique))


def page_of(pipeline: IngestionPipeline, report: Report) -> str:
    name = report.source.uri.partition("/staged/")[2]
    return f"reports/staged/{name}/{report.source.generation}.html"


def test_a_page_lies_beside_the_report_and_links_it(
    cloud: Cloud, pipeline: IngestionPipeline, unique: str
) -> None:
    report = ingest(pipeline, unique)
    announce(pipeline, report)
    blob = cloud.storage.bucket(cloud.output_bucket).get_blob(page_of(pipeline, report))
    assert blob is not None
    assert blob.content_type == "text/html; charset=utf-8"
    page = blob.download_as_text()
    assert report.message in page
    assert f'<a href="{report.source.generation}.json">' in page
    assert cbi_on(cloud, "show", "--html", report.run_id).startswith("<!doctype html>")


def test_the_function_writes_it(cloud: Cloud, unique: str) -> None:
    file = cloud.drop(to_parquet(sample_table(7, LAST, unique)), f"staged/{unique}.parquet")
    cloud.report(file)
    for _ in range(100):
        if cloud.storage.bucket(cloud.output_bucket).get_blob(Outputs.page(file)):
            break
        cloud._wait_for_output(None, 1)
    else:
        pytest.fail("no page")


def test_no_page_where_none_is_wanted(cloud: Cloud, pipeline: IngestionPipeline, unique: str) -> None:
    without = IngestionPipeline(dataclasses.replace(pipeline.settings, report_page="off"))
    report = ingest(without, unique)
    source = dataclasses.replace(
        report.source, generation=1
    )  # not the one that the function writes a page of
    report = dataclasses.replace(report, source=source)
    announce(without, report)
    assert cloud.storage.bucket(cloud.output_bucket).get_blob(page_of(pipeline, report)) is None
    announce(pipeline, report)
    assert cloud.storage.bucket(cloud.output_bucket).get_blob(page_of(pipeline, report)) is not None
    with pytest.raises(Exception, match="REPORT_PAGE is 'no': it must be on or off"):
        Settings.from_environment({"REPORT_PAGE": "no"})


def test_what_cannot_be_announced_fails_nothing(
    pipeline: IngestionPipeline, unique: str, caplog: pytest.LogCaptureFixture
) -> None:
    report = ingest(pipeline, unique)
    elsewhere = IngestionPipeline(dataclasses.replace(pipeline.settings, output_bucket="nobody-has-this"))
    assert announce(elsewhere, report) == report


def test_the_sweep_takes_no_page_for_a_report(pipeline: IngestionPipeline, unique: str) -> None:
    report = announce(pipeline, ingest(pipeline, unique))
    swept = sweep(pipeline)
    assert swept.failed == 0
    assert report.run_id in {entry.run_id for entry in history_of(pipeline).newest()}
