"""The function over HTTP, as Eventarc, a bucket's own notifications and strangers call it."""

import base64
import json
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
from support.cloud import Cloud
from support.command_line import cbi_on
from support.tables import to_parquet

from cbi.gcs.identity import StagedFile
from cbi.local.sample import sample_table
from cbi.local.stack import Stack

ROOT = Path(__file__).parents[1]
LAST = date(2026, 11, 20)
FINALIZED = "google.cloud.storage.object.v1.finalized"
PUBSUB = "google.cloud.pubsub.topic.v1.messagePublished"


@pytest.fixture(scope="module")
def cloud(untriggered: Stack) -> Cloud:
    return Cloud.of_stack(untriggered)


def post(url: str, kind: str, body: bytes) -> requests.Response:
    headers = {"ce-id": "1", "ce-type": kind, "ce-source": "//test", "ce-specversion": "1.0"}
    return requests.post(url, body, headers=headers | {"content-type": "application/json"}, timeout=60)


def deliver(cloud: Cloud, kind: str, data: Any) -> int:
    assert cloud.function is not None
    return post(cloud.function, kind, json.dumps(data).encode()).status_code


def log_of(stack: Stack) -> str:
    return Path(stack.data_dir, "logs/function.log").read_text()


def test_a_bucket_notification_inside_a_pubsub_message_is_taken(cloud: Cloud) -> None:
    file = cloud.drop(sample_table(4, LAST, "PUBSUB"), "staged/pubsub.parquet")
    attributes = {
        "eventType": "OBJECT_FINALIZE",
        "bucketId": file.bucket,
        "objectId": file.name,
        "objectGeneration": str(file.generation),
        "payloadFormat": "JSON_API_V1",
    }
    payload = base64.b64encode(json.dumps({"bucket": file.bucket, "name": file.name}).encode()).decode()
    message = {"message": {"attributes": attributes, "data": payload, "messageId": "1"}, "subscription": "s"}
    assert deliver(cloud, PUBSUB, message) == 200
    assert cloud.report(file)["rows_loaded"] == 4


def test_an_event_delivered_again_changes_nothing(cloud: Cloud) -> None:
    file = cloud.drop(sample_table(4, LAST, "AGAIN"), "staged/again.parquet")
    event = {"bucket": file.bucket, "name": file.name, "generation": file.generation}
    assert deliver(cloud, FINALIZED, event) == 200
    report = cloud.report(file)
    assert deliver(cloud, FINALIZED, event) == 200
    assert cloud.report(file) == report
    assert cloud.count(file.run_id) == 4


def test_an_overwritten_generation_is_superseded_and_the_new_one_loads(cloud: Cloud) -> None:
    old = cloud.drop(sample_table(4, LAST, "OLD"), "staged/overwritten.parquet")
    new = cloud.drop(sample_table(5, LAST, "NEW"), "staged/overwritten.parquet")
    for file in (old, new):
        event = {"bucket": file.bucket, "name": file.name, "generation": str(file.generation)}
        assert deliver(cloud, FINALIZED, event) == 200
    assert cloud.report(old)["reason"] == "superseded"
    assert (cloud.count(old.run_id), cloud.count(new.run_id)) == (0, 5)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param(FINALIZED, b'{"bucket": "b", "name": "staged/", "generation": "1"}', id="folder"),
        pytest.param(
            FINALIZED, b'{"bucket": "b", "name": "reports/x.parquet", "generation": "1"}', id="else"
        ),
        pytest.param("google.cloud.storage.object.v1.deleted", b"{}", id="another event"),
        pytest.param(PUBSUB, b'{"message": {"attributes": {"eventType": "OBJECT_DELETE"}}}', id="deletion"),
    ],
)
def test_what_is_not_ours_is_acknowledged_with_one_line_in_the_log(
    untriggered: Stack, kind: str, body: bytes
) -> None:
    before = len(log_of(untriggered))
    assert post(untriggered.function, kind, body).status_code == 200
    time.sleep(0.1)
    (line,) = log_of(untriggered)[before:].splitlines()
    assert "ignored: " in line


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param(FINALIZED, b"{not json", id="malformed JSON"),
        pytest.param(FINALIZED, b"", id="no body"),
        pytest.param(FINALIZED, b"[1]", id="an array"),
        pytest.param(FINALIZED, b"{}", id="no object"),
        pytest.param(FINALIZED, b'{"bucket": "b", "name": "staged/x.parquet"}', id="no generation"),
        pytest.param(PUBSUB, b'{"message": {}}', id="no attributes"),
    ],
)
def test_what_is_malformed_is_refused_with_a_warning(untriggered: Stack, kind: str, body: bytes) -> None:
    before = len(log_of(untriggered))
    answer = post(untriggered.function, kind, body)
    assert answer.status_code == 400
    time.sleep(0.1)
    (line,) = log_of(untriggered)[before:].splitlines()
    assert "WARNING refused: " in line


@pytest.mark.parametrize(
    ("media_type", "status"), [("application/cloudevents-batch+json", 415), ("application/json", 400)]
)
def test_a_batch_of_events_is_refused_and_no_fault_of_the_function(
    untriggered: Stack, media_type: str, status: int
) -> None:
    event = {"id": "1", "type": FINALIZED, "source": "//test", "specversion": "1.0", "data": {}}
    body = json.dumps([event]).encode()
    answer = requests.post(untriggered.function, body, headers={"content-type": media_type}, timeout=60)
    assert answer.status_code == status
    assert "send" in answer.text


def test_the_bare_body_of_a_pubsub_push_is_taken(cloud: Cloud, untriggered: Stack) -> None:
    file = cloud.drop(sample_table(4, LAST, "PUSH"), "staged/push.parquet")
    attributes = {
        "eventType": "OBJECT_FINALIZE",
        "bucketId": file.bucket,
        "objectId": file.name,
        "objectGeneration": str(file.generation),
    }
    message = {"attributes": attributes, "data": "", "messageId": "1", "publishTime": "2026-01-01T00:00:00Z"}
    body = json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()
    headers = {"content-type": "application/json"}
    assert requests.post(untriggered.function, body, headers=headers, timeout=60).status_code == 200
    assert cloud.report(file)["rows_loaded"] == 4


def test_a_staged_file_that_is_ignored_leaves_a_trace(cloud: Cloud) -> None:
    for name in ("staged/x.csv", "staged/prices/x.parq", "staged/_SUCCESS", "staged/.x.crc", "else/x.csv"):
        file = cloud.drop(b"x", name)
        event = {"bucket": file.bucket, "name": file.name, "generation": file.generation}
        for _ in range(2):
            assert deliver(cloud, FINALIZED, event) == 200
    found = json.loads(cbi_on(cloud, "status"))["ignored"]
    assert [each["uri"] for each in found] == [
        "gs://cbi-staging/staged/prices/x.parq",
        "gs://cbi-staging/staged/x.csv",
    ]


def test_an_object_of_another_bucket_is_left_alone(untriggered: Stack, cloud: Cloud) -> None:
    """Its report would have the name of the staged object's of the same name and generation."""
    table = sample_table(4, LAST, "ELSEWHERE")
    cloud.storage.create_bucket("another")
    blob = cloud.storage.bucket("another").blob("staged/elsewhere.parquet")
    blob.upload_from_string(to_parquet(table))
    assert blob.generation is not None
    file = StagedFile("another", "staged/elsewhere.parquet", blob.generation)
    event = {"bucket": file.bucket, "name": file.name, "generation": file.generation}
    before = len(log_of(untriggered))
    assert deliver(cloud, FINALIZED, event) == 200
    assert cloud.read_report(file) is None
    assert f"ignored: {file.uri} is not in the staging bucket, cbi-staging" in log_of(untriggered)[before:]


def answer_alone(home: Path, kind: str, data: Any, **environment: str) -> tuple[int, str]:
    """The status and the log of a new function that gets one event, without servers or credentials."""
    code = (
        "import functions_framework, json, sys; app = functions_framework.create_app('ingest', 'main.py');"
        "headers = {'ce-id': '1', 'ce-type': sys.argv[1], 'ce-source': '//x', 'ce-specversion': '1.0'};"
        "response = app.test_client().post('/', json=json.loads(sys.argv[2]), headers=headers);"
        "print(response.status_code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, kind, json.dumps(data)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return int(done.stdout), done.stderr


def test_it_starts_and_ignores_events_without_any_credentials(tmp_path: Path) -> None:
    status, _ = answer_alone(tmp_path, "x", {})
    assert status == 200


@pytest.mark.parametrize("unset", ["OUTPUT_BUCKET", "STAGING_BUCKET"])
@pytest.mark.slow("each starts an interpreter")
def test_a_missing_setting_is_raised_so_that_the_event_comes_again(tmp_path: Path, unset: str) -> None:
    nowhere = "http://127.0.0.1:9"
    settings = {
        "OUTPUT_BUCKET": "out",
        "STAGING_BUCKET": "in",
        "GOOGLE_CLOUD_PROJECT": "p",
        "STORAGE_EMULATOR_HOST": nowhere,
        "BIGQUERY_EMULATOR_HOST": nowhere,
    }
    del settings[unset]
    event = {"bucket": "in", "name": "staged/x.parquet", "generation": "1"}
    status, log = answer_alone(tmp_path, FINALIZED, event, **settings)
    assert status == 500
    assert f"{unset} is not set" in log
