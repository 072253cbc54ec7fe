"""What a CloudEvent is about: a staged file, or nothing of ours."""

from dataclasses import dataclass
from typing import Any

from cloudevents.http import CloudEvent

from cbi.gcs.identity import STAGED_PREFIX, StagedFile

FINALIZED = "google.cloud.storage.object.v1.finalized"
SWEEP = "cbi.sweep.v1"
PUBSUB_MESSAGE = "google.cloud.pubsub.topic.v1.messagePublished"


@dataclass(frozen=True)
class Ignored:
    """An event to acknowledge and leave alone, and the reason."""

    reason: str


@dataclass(frozen=True)
class Sweep:
    """A tick of the scheduler: look for files whose event was lost."""


def parse_event(event: CloudEvent) -> StagedFile | Sweep | Ignored:
    """Read an event. What is neither a sweep nor a finalized parquet object under `staged/` is Ignored.

    https://cloud.google.com/eventarc/docs/workflows/cloudevents and, for the notification that a bucket
    itself sends to a topic, https://cloud.google.com/storage/docs/pubsub-notifications#attributes
    """
    kind, data = event["type"], event.data
    if kind == SWEEP:
        return Sweep()
    if not isinstance(data, dict):
        return Ignored(f"an event of type {kind} whose data is not a JSON object")
    if kind == FINALIZED:
        return _parse_object(data)
    if kind == PUBSUB_MESSAGE:
        return _parse_notification(data)
    return Ignored(f"an event of type {kind}")


def is_staged(name: str) -> bool:
    """Whether an object is one to load by its name: parquet under `staged/`, and nothing that engines leave.

    Hadoop, Spark and their kin write to `_temporary/` first, and call what is no data `_…` or `.…`; but a
    folder such as `_day=2024-01-02` is one of a partitioned table:
    https://spark.apache.org/docs/latest/sql-data-sources-parquet.html#partition-discovery
    """
    if not name.startswith(STAGED_PREFIX) or not name.lower().endswith(".parquet"):
        return False
    *folders, file = name.removeprefix(STAGED_PREFIX).split("/")
    return not file.startswith((".", "_")) and not any(map(_is_left_by_engines, folders))


def _is_left_by_engines(folder: str) -> bool:
    return folder.startswith(".") or (folder.startswith("_") and "=" not in folder)


def _parse_object(data: dict[str, Any]) -> StagedFile | Ignored:
    bucket, name, generation = data.get("bucket"), data.get("name"), data.get("generation")
    if not isinstance(bucket, str) or not isinstance(name, str):
        return Ignored("a storage event that names no object")
    if not is_staged(name):
        return Ignored(f"gs://{bucket}/{name} is no .parquet object to load under {STAGED_PREFIX}")
    try:
        # An int64 comes as text or as a number, depending on who made the event.
        return StagedFile(bucket, name, int(generation))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return Ignored(f"the event of gs://{bucket}/{name} has generation {generation!r}, not a number")


def _parse_notification(data: dict[str, Any]) -> StagedFile | Ignored:
    message = data.get("message")
    attributes = message.get("attributes") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(attributes, dict):
        return Ignored("a Pub/Sub message without attributes")
    if attributes.get("eventType") != "OBJECT_FINALIZE":
        return Ignored(f"a Pub/Sub message of eventType {attributes.get('eventType')}")
    return _parse_object(
        {
            "bucket": attributes.get("bucketId"),
            "name": attributes.get("objectId"),
            "generation": attributes.get("objectGeneration"),
        }
    )
