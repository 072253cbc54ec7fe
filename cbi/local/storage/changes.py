"""Waiting for a bucket to be written to, which the real service tells by events and not by its API."""

import json
from collections import Counter
from threading import Condition
from urllib.parse import quote
from urllib.request import urlopen

CHANGES_PATH = "/_local/changes"

LONGEST_WAIT_SECONDS = 60
"""The longest that a request for changes is kept waiting."""


class Changes:
    """Counts the writes to each bucket since the proxy was started."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._changed = Condition()

    def note(self, bucket: str) -> None:
        """Take note of a write to a bucket, and wake whoever waits for one."""
        with self._changed:
            self._counts[bucket] += 1
            self._changed.notify_all()

    def wait(self, bucket: str, known: int, timeout: float) -> int:
        """The count of a bucket as soon as it is another than `known`, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._counts[bucket] != known, timeout)
            return self._counts[bucket]


def wait_for_change(storage: str, bucket: str, known: int | None = None, timeout: float = 30) -> int:
    """Ask the local storage at the base URL `storage` for the count of a bucket's writes.

    It answers when the count is another than `known`, or after `timeout` seconds; at once where nothing is
    known. Whoever looks at the bucket after asking, and then asks with what was answered, misses no write.
    Raises OSError.
    """
    query = "" if known is None else f"?known={known}&timeout={min(timeout, LONGEST_WAIT_SECONDS)}"
    with urlopen(f"{storage}{CHANGES_PATH}/{quote(bucket)}{query}", timeout=timeout + 30) as response:
        return int(json.load(response)["count"])
