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
    """An event to acknowledge and leave alone, and the reason.

    `object` is what was dropped under `staged/` all the same, by somebody who may wait for it.
    """

    reason: str
    object: StagedFile | None = None


@dataclass(frozen=True)
class Malformed:
    """A request that is no event as its type has them, and what is wrong with it."""

    reason: str


@dataclass(frozen=True)
class Sweep:
    """A tick of the scheduler: look for files whose event was lost."""


def parse_event(event: CloudEvent) -> StagedFile | Sweep | Ignored | Malformed:
    """Read an event. What is neither a sweep nor a finalized parquet object under `staged/` is Ignored.

    https://cloud.google.com/eventarc/docs/workflows/cloudevents and, for the notification that a bucket
    itself sends to a topic, https://cloud.google.com/storage/docs/pubsub-notifications#attributes
    """
    kind, data = event["type"], event.data
    if kind == SWEEP:
        return Sweep()
    if kind not in (FINALIZED, PUBSUB_MESSAGE):
        return Ignored(f"an event of type {kind}")
    if not isinstance(data, dict):
        return Malformed(f"an event of type {kind} whose data is not a JSON object")
    return _parse_object(data) if kind == FINALIZED else _parse_notification(data)


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


def _parse_object(data: dict[str, Any]) -> StagedFile | Ignored | Malformed:
    bucket, name, generation = data.get("bucket"), data.get("name"), data.get("generation")
    if not isinstance(bucket, str) or not isinstance(name, str):
        return Malformed("a storage event that names no object")
    try:
        # An int64 comes as text or as a number, depending on who made the event.
        file = StagedFile(bucket, name, int(generation))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return Malformed(f"the event of gs://{bucket}/{name} has generation {generation!r}, not a number")
    if is_staged(name):
        return file
    reason = f"gs://{bucket}/{name} is no .parquet object to load under {STAGED_PREFIX}"
    return Ignored(reason, file if _is_waited_for(name) else None)


def _is_waited_for(name: str) -> bool:
    """Whether somebody may think that an object is loaded: it is staged, and its name has another end."""
    return name.startswith(STAGED_PREFIX) and is_staged(f"{name}.parquet") and not name.endswith("/")


def _parse_notification(data: dict[str, Any]) -> StagedFile | Ignored | Malformed:
    message = data.get("message")
    attributes = message.get("attributes") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(attributes, dict):
        return Malformed("a Pub/Sub message without attributes")
    if attributes.get("eventType") != "OBJECT_FINALIZE":
        return Ignored(f"a Pub/Sub message of eventType {attributes.get('eventType')}")
    return _parse_object(
        {
            "bucket": attributes.get("bucketId"),
            "name": attributes.get("objectId"),
            "generation": attributes.get("objectGeneration"),
        }
    )
