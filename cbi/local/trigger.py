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
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from cbi.local.storage.changes import wait_for_change

PAUSE_SECONDS = 0.2
"""Before a bucket that cannot be listed is listed again."""

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
    arrived: SimpleQueue[_Delivery] = SimpleQueue()
    Thread(target=_find, args=(storage, bucket, arrived), daemon=True).start()
    waiting: list[_Delivery] = []
    with ThreadPoolExecutor(CONCURRENT_DELIVERIES) as pool:
        while True:
            with suppress(Empty):
                pause = max(0, waiting[0].due - time.monotonic()) if waiting else None
                heapq.heappush(waiting, arrived.get(timeout=pause))
            while waiting and waiting[0].due <= time.monotonic():
                pool.submit(_deliver, heapq.heappop(waiting), target, arrived)


def _find(storage: str, bucket: str, arrived: SimpleQueue[_Delivery]) -> None:
    """Hand on each object, when it is listed for the first time in its generation, for ever."""
    seen: set[tuple[str, str]] = set()
    changes: int | None = None
    while True:
        try:
            if changes is None:
                _subscribe(storage, bucket)
            changes = wait_for_change(storage, bucket, changes)
            for resource in _list_objects(storage, bucket):
                if (generation := (resource["name"], resource["generation"])) not in seen:
                    seen.add(generation)
                    arrived.put(_Delivery(time.monotonic(), resource))
        except (OSError, HTTPException, ValueError) as error:
            log.warning("cannot list %s: %s", bucket, error)
            changes = None
            time.sleep(PAUSE_SECONDS)


def _subscribe(storage: str, bucket: str) -> None:
    """Enter a notification of the bucket's writes, by which others see that somebody is told of them."""
    url = f"{storage}/storage/v1/b/{bucket}/notificationConfigs"
    with urlopen(Request(url, b"{}", {"Content-Type": "application/json"}), timeout=30):
        pass


def _list_objects(storage: str, bucket: str) -> Iterator[Json]:
    query: dict[str, str] = {}
    while True:
        with urlopen(f"{storage}/storage/v1/b/{bucket}/o?{urlencode(query)}", timeout=30) as response:
            page = json.load(response)
        yield from page.get("items", [])
        if "nextPageToken" not in page:
            return
        query["pageToken"] = page["nextPageToken"]


def _deliver(delivery: _Delivery, target: str, arrived: SimpleQueue[_Delivery]) -> None:
    """Post one event; whatever is not a 2xx comes again."""
    name = delivery.resource["name"]
    try:
        with urlopen(finalize_event(delivery.resource, target), timeout=DELIVERY_TIMEOUT_SECONDS):
            log.info("delivered %s", name)
    except (URLError, OSError, HTTPException) as error:
        log.warning("%s was not accepted, again in %g s: %s", name, delivery.retry_after, error)
        arrived.put(delivery.again())


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
