"""Files whose event was lost are found and run; what finished runs leave behind is removed."""

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from support.cloud import Cloud

from cbi import IngestionPipeline
from cbi.gcs.identity import StagedFile
from cbi.local.sample import sample_table
from cbi.local.stack import Stack
from cbi.ops.sweep import sweep as sweep_here
from cbi.runs.protocol.log import Attempt, Log

LAST = date(2026, 11, 20)
SWEEP = {
    "ce-id": "1",
    "ce-type": "cbi.sweep.v1",
    "ce-source": "//cloudscheduler.googleapis.com",
    "ce-specversion": "1.0",
    "content-type": "application/json",
}


@pytest.fixture(scope="module")
def cloud(untriggered: Stack) -> Cloud:
    return Cloud.of_stack(untriggered)


def sweep(cloud: Cloud) -> dict[str, object]:
    assert cloud.function is not None
    assert requests.post(cloud.function, "{}", headers=SWEEP, timeout=60).status_code == 200
    newest = max(cloud.outputs("sweeps/"))
    content = cloud.storage.bucket(cloud.output_bucket).blob(newest).download_as_bytes()
    report: dict[str, object] = json.loads(content)
    return report


def test_lost_files_are_run_oldest_first_once_they_are_old_enough(cloud: Cloud) -> None:
    files = [cloud.drop(sample_table(3, LAST, f"LOST{n}"), f"staged/{9 - n} lost.parquet") for n in range(3)]
    cloud.drop(b"not ours", "staged/notes.txt")
    time.sleep(1.2)
    young = cloud.drop(sample_table(3, LAST, "YOUNG"), "staged/young.parquet")
    report = sweep(cloud)

    assert {key: report[key] for key in ("found", "run", "failed", "left")} == {
        "found": 3,
        "run": 3,
        "failed": 0,
        "left": 0,
    }
    assert isinstance(report["oldest_age_seconds"], float)
    finished = [datetime.fromisoformat(cloud.report(file)["finished_at"]) for file in files]
    assert finished == sorted(finished)
    assert cloud.read_report(young) is None


def test_a_feed_without_a_file_for_too_long_is_told(untriggered: Stack, cloud: Cloud) -> None:
    """At the first sweep there are files of no feed but the default one's, and those are young."""
    log = Path(untriggered.data_dir, "logs/function.log")
    sweep(cloud)
    assert "has had no file for too long" not in log.read_text()
    for blob in list(cloud.storage.list_blobs(cloud.staging_bucket)):
        blob.delete()
    sweep(cloud)
    assert "feed daily_ml_matrix has had no file for too long" in log.read_text()


def test_a_second_sweep_finds_nothing_to_run_and_removes_what_is_left_behind(cloud: Cloud) -> None:
    file = cloud.drop(sample_table(3, LAST, "TIDY"), "staged/tidy.parquet")
    time.sleep(1.2)
    sweep(cloud)
    before = cloud.report(file)
    late = f"enriched/{file.run_id}-0a1b2c3d-0.parquet"  # as a delivery leaves it that was overtaken
    cloud.storage.bucket(cloud.output_bucket).blob(late).upload_from_string(b"")
    report = sweep(cloud)
    assert (report["found"], report["removed"]) == (0, 1)
    assert not any(file.run_id in name for name in cloud.outputs("enriched/"))
    assert cloud.report(file) == before
    assert cloud.count(file.run_id) == 3
    assert datetime.fromisoformat(str(report["started_at"])) > datetime.now(UTC) - timedelta(minutes=1)


def test_enriched_files_of_a_run_whose_record_cannot_be_read_stay(untriggered: Stack, cloud: Cloud) -> None:
    bucket, run_id = cloud.storage.bucket(cloud.output_bucket), "0123456789abcdef01234567"
    bucket.blob(f"runs/{run_id}.json").upload_from_string('{"decision": {"type": "of a later version"}}')
    bucket.blob(f"enriched/{run_id}-0a1b2c3d-0.parquet").upload_from_string(b"")
    sweep(cloud)
    assert cloud.outputs(f"enriched/{run_id}")
    log = Path(untriggered.data_dir, "logs/function.log").read_text()
    assert f"runs/{run_id}.json is not what this version of cbi can read" in log


@pytest.mark.usefixtures("broken_contract")
def test_a_broken_contract_stops_no_other_feed(
    cloud: Cloud, pipeline: IngestionPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    broken = cloud.drop(sample_table(3, LAST, "BROKEN"), "staged/broken/x.parquet")
    sound = cloud.drop(sample_table(3, LAST, "SOUND"), "staged/sound.parquet")
    time.sleep(1.2)
    pipeline = IngestionPipeline(replace(pipeline.settings, sweep_min_age_seconds=1))
    report = sweep_here(pipeline)
    assert (report.found, report.run, report.failed) == (2, 1, 1)
    assert cloud.report(sound)["status"] == "success"
    assert cloud.read_report(broken) is None
    assert "a contract is broken: cbi/feeds/broken.yaml:5: schema[0].type is 'NUMBER'" in caplog.text
    assert "feed spare has had no file for too long" in caplog.text


def test_a_file_that_brings_out_a_mistake_stops_no_other(
    cloud: Cloud,
    pipeline: IngestionPipeline,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["staged/brings out a mistake.parquet", "staged/after the mistake.parquet"]
    unlucky, other = (cloud.drop(sample_table(3, LAST, name), name) for name in names)
    time.sleep(1.2)
    pipeline = IngestionPipeline(replace(pipeline.settings, sweep_min_age_seconds=1))
    take = pipeline.take

    def take_or_fail(file: StagedFile, *step: Any) -> Any:
        if file == unlucky:
            raise ValueError("nobody thought of this")
        return take(file, *step)

    monkeypatch.setattr(pipeline, "take", take_or_fail)
    report = sweep_here(pipeline)
    assert (report.run, report.failed, report.left) == (report.found - 1, 1, 0)
    assert cloud.report(other)["status"] == "success"
    (logged,) = (record for record in caplog.records if unlucky.uri in record.getMessage())
    assert logged.levelname == "ERROR"
    assert "ValueError: nobody thought of this" in caplog.text
    sweep(cloud)
    assert cloud.report(unlucky)["status"] == "success"


def test_a_file_that_may_have_ended_its_reader_waits_for_the_others(
    cloud: Cloud, pipeline: IngestionPipeline
) -> None:
    names = ["staged/tried before.parquet", "staged/came after it.parquet"]
    tried, other = (cloud.drop(sample_table(3, LAST, name), name) for name in names)
    assert pipeline.runs.append(Log(tried), Attempt(datetime.now(UTC) - timedelta(hours=1)))
    time.sleep(1.2)
    report = sweep_here(IngestionPipeline(replace(pipeline.settings, sweep_min_age_seconds=1)))
    assert (report.run, report.failed) == (report.found, 0)
    first, second = (cloud.report(file)["finished_at"] for file in (other, tried))
    assert datetime.fromisoformat(first) < datetime.fromisoformat(second)
