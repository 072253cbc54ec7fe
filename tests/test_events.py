"""Every form in which a bucket's event comes is read; all others are left alone."""

from typing import Any

import pytest
from cloudevents.http import CloudEvent

from cbi.events import FINALIZED, PUBSUB_MESSAGE, Ignored, Malformed, parse_event
from cbi.gcs.identity import StagedFile

FILE = StagedFile("in", "staged/día 1.parquet", 1_712_345_678_901_234)
OBJECT = {"bucket": FILE.bucket, "name": FILE.name, "generation": str(FILE.generation), "size": "10"}
ATTRIBUTES = {
    "eventType": "OBJECT_FINALIZE",
    "bucketId": FILE.bucket,
    "objectId": FILE.name,
    "objectGeneration": str(FILE.generation),
    "payloadFormat": "JSON_API_V1",
}


def parse(kind: str, data: Any) -> Any:
    source = "//storage.googleapis.com/projects/_/buckets/in"
    return parse_event(CloudEvent({"type": kind, "source": source}, data))


def finalized(**changes: Any) -> Any:
    return parse(FINALIZED, {**OBJECT, **changes})


def published(**changes: Any) -> Any:
    message = {"attributes": {**ATTRIBUTES, **changes}, "data": "e30=", "messageId": "1"}
    return parse(PUBSUB_MESSAGE, {"message": message, "subscription": "projects/p/subscriptions/s"})


def test_a_finalized_object_is_a_staged_file() -> None:
    assert finalized() == FILE


def test_the_same_object_in_a_pubsub_message_is_the_same_run() -> None:
    assert published() == FILE


@pytest.mark.parametrize("generation", [FILE.generation, str(FILE.generation), float(FILE.generation)])
def test_numbers_may_come_as_text(generation: Any) -> None:
    assert finalized(generation=generation) == FILE


@pytest.mark.parametrize(
    "name",
    [
        "staged/a/b/c.parquet",
        "staged/with spaces & ünïcode 🫘.parquet",
        "staged/UPPER.PARQUET",
        "staged/two.dots.parquet",
        "staged/prices/_day=2024-01-02/part-0.parquet",
    ],
)
def test_parquet_anywhere_under_staged_is_ours(name: str) -> None:
    assert finalized(name=name) == published(objectId=name) == StagedFile("in", name, FILE.generation)


@pytest.mark.parametrize(
    "name",
    [
        "staged/",
        "staged/folder/",
        "staged/folder.parquet/",
        "staged/data.csv",
        "staged/data.parquet.tmp",
        "staged/_SUCCESS",
        "staged/_temporary/0/task_1/part-0.parquet",
        "staged/prices/.part-0.parquet",
        "staged/prices/_part-0.parquet",
        "staged/.staging/x.parquet",
        "staged",
        "elsewhere/x.parquet",
        "not/staged/x.parquet",
        "x.parquet",
        "",
    ],
)
def test_all_other_objects_are_left_alone(name: str) -> None:
    for found in (finalized(name=name), published(objectId=name)):
        assert isinstance(found, Ignored)
        assert found.reason == f"gs://in/{name} is no .parquet object to load under staged/"


@pytest.mark.parametrize(
    ("name", "waited_for"),
    [
        ("staged/x.csv", True),
        ("staged/prices/x.parq", True),
        ("staged/prices/", False),
        ("staged/", False),
        ("staged/_SUCCESS", False),
        ("staged/.x.crc", False),
        ("elsewhere/x.csv", False),
    ],
)
def test_who_waits_for_a_staged_file_that_is_ignored_is_to_find_it(name: str, waited_for: bool) -> None:
    found = finalized(name=name)
    assert isinstance(found, Ignored)
    assert (found.object is not None and found.object.name == name) == waited_for


@pytest.mark.parametrize("kind", ["OBJECT_DELETE", "OBJECT_ARCHIVE", "OBJECT_METADATA_UPDATE", None])
def test_only_finalised_objects_matter_of_a_buckets_notifications(kind: str | None) -> None:
    assert published(eventType=kind) == Ignored(f"a Pub/Sub message of eventType {kind}")


def test_an_event_of_another_type_is_left_alone() -> None:
    kind = "google.cloud.storage.object.v1.deleted"
    assert parse(kind, OBJECT) == Ignored(f"an event of type {kind}")


@pytest.mark.parametrize("kind", [FINALIZED, PUBSUB_MESSAGE])
@pytest.mark.parametrize(
    "data", [None, b"{", "text", [], {}, {"message": None}, {"message": {"attributes": 1}}]
)
def test_an_event_that_names_no_object_is_malformed(kind: str, data: Any) -> None:
    assert isinstance(parse(kind, data), Malformed)


@pytest.mark.parametrize(
    "changes", [{"bucket": None}, {"name": None}, {"name": 7}, {"generation": None}, {"generation": "new"}]
)
def test_an_object_without_its_identity_is_malformed(changes: dict[str, Any]) -> None:
    assert isinstance(finalized(**changes), Malformed)
