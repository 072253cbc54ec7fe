"""Eventarc's part: watches a bucket and posts a finalize CloudEvent for each object, until it is accepted.

Like the real one it delivers at least once and in no order: a restart delivers every object again.
Run it with `python -m cbi.local.trigger --storage URL --bucket NAME --target URL`.
"""

import argparse
import heapq
import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from queue import Empty, SimpleQueue
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

POLL_SECONDS = 0.2
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 10
DELIVERY_TIMEOUT_SECONDS = 540
CONCURRENT_DELIVERIES = 8

log = logging.getLogger(__name__)
Json = dict[str, Any]


@dataclass(order=True)
class _Delivery:
    """One object's event and when to try it next (time.monotonic)."""

    due: float
    resource: Json = field(compare=False)
    retry_after: float = field(default=FIRST_RETRY_SECONDS, compare=False)

    def again(self) -> "_Delivery":
        """The next try, each wait twice as long as the one before."""
        longer = min(2 * self.retry_after, LONGEST_RETRY_SECONDS)
        return _Delivery(time.monotonic() + self.retry_after, self.resource, longer)


def watch(storage: str, bucket: str, target: str) -> None:
    """Deliver the events of `bucket` to the URL `target`, for ever."""
    seen: set[tuple[str, str]] = set()
    waiting: list[_Delivery] = []
    refused: SimpleQueue[_Delivery] = SimpleQueue()
    with ThreadPoolExecutor(CONCURRENT_DELIVERIES) as pool:
        while True:
            for resource in _new_objects(storage, bucket, seen):
                heapq.heappush(waiting, _Delivery(time.monotonic(), resource))
            for delivery in _drain(refused):
                heapq.heappush(waiting, delivery.again())
            while waiting and waiting[0].due <= time.monotonic():
                pool.submit(_deliver, heapq.heappop(waiting), target, refused)
            time.sleep(POLL_SECONDS)


def _new_objects(storage: str, bucket: str, seen: set[tuple[str, str]]) -> list[Json]:
    """The objects listed for the first time in this generation; none when the listing fails."""
    try:
        listed = list(_list_objects(storage, bucket))
    except (OSError, HTTPException, ValueError) as error:
        log.warning("cannot list %s: %s", bucket, error)
        return []
    new = [resource for resource in listed if (resource["name"], resource["generation"]) not in seen]
    seen.update((resource["name"], resource["generation"]) for resource in new)
    return new


def _list_objects(storage: str, bucket: str) -> Iterator[Json]:
    query: dict[str, str] = {}
    while True:
        with urlopen(f"{storage}/storage/v1/b/{bucket}/o?{urlencode(query)}", timeout=30) as response:
            page = json.load(response)
        yield from page.get("items", [])
        if "nextPageToken" not in page:
            return
        query["pageToken"] = page["nextPageToken"]


def _drain(queue: SimpleQueue[_Delivery]) -> Iterator[_Delivery]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return


def _deliver(delivery: _Delivery, target: str, refused: SimpleQueue[_Delivery]) -> None:
    """Post one event; whatever is not a 2xx comes again."""
    name = delivery.resource["name"]
    try:
        with urlopen(finalize_event(delivery.resource, target), timeout=DELIVERY_TIMEOUT_SECONDS):
            log.info("delivered %s", name)
    except (URLError, OSError, HTTPException) as error:
        log.warning("%s was not accepted, again in %g s: %s", name, delivery.retry_after, error)
        refused.put(delivery)


def finalize_event(resource: Json, target: str) -> Request:
    """The CloudEvent that says an object was finalized, in binary content mode.

    `resource` is the object as Cloud Storage's JSON API gives it. Attributes are percent-encoded as the
    HTTP binding asks, so any object name fits into a header.
    """
    name, generation = resource["name"], resource["generation"]
    attributes = {
        "id": f"{quote(name, safe='')}-{generation}",
        "type": "google.cloud.storage.object.v1.finalized",
        "source": f"//storage.googleapis.com/projects/_/buckets/{resource['bucket']}",
        "subject": f"objects/{quote(name)}",
        "specversion": "1.0",
        "time": resource["updated"],
    }
    headers = {f"ce-{key}": value for key, value in attributes.items()}
    body = json.dumps(resource).encode()
    return Request(target, body, {"Content-Type": "application/json", **headers}, method="POST")


def main() -> None:
    """Watch until killed."""
    parser = argparse.ArgumentParser(prog="python -m cbi.local.trigger")
    parser.add_argument("--storage", required=True, help="base URL of Cloud Storage")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--target", required=True, help="URL of the function")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    watch(options.storage, options.bucket, options.target)


if __name__ == "__main__":
    main()
