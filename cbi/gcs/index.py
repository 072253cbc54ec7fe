"""Rows as empty objects: the name is the order, the metadata the row, and one request lists a thousand.

Cloud Storage lists objects in the order of their names, with their metadata:
https://cloud.google.com/storage/docs/json_api/v1/objects/list
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from google.api_core.exceptions import PreconditionFailed
from google.cloud.storage import Client

from cbi.clients import REQUEST_TIMEOUT, STORAGE_RETRY
from cbi.decoding import ready
from cbi.gcs.faults import storage_faults
from cbi.gcs.media_types import JSON

T = TypeVar("T")

_ROW = "row"


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_END = 10**16


def newest_first(moment: datetime) -> str:
    """A name that comes before those of all earlier moments: the microseconds left until the year 2286."""
    return f"{_END - (moment - EPOCH) // _MICROSECOND:016d}"


class ObjectIndex:
    """The rows that a bucket's objects of a prefix stand for. Methods raise Transient and Misconfigured."""

    def __init__(self, client: Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def add(self, name: str, row: Any) -> None:
        """Add a row, of at most 8 KiB as JSON, unless there is one of this name."""
        blob = self._client.bucket(self._bucket).blob(name)
        blob.metadata = {_ROW: msgspec.json.encode(row).decode()}
        with storage_faults(f"writing gs://{self._bucket}/{name}"), suppress(PreconditionFailed):
            blob.upload_from_string(
                b"", JSON, if_generation_match=0, retry=STORAGE_RETRY, timeout=REQUEST_TIMEOUT
            )

    def rows(
        self, prefix: str, kind: type[T], first: str = "", end: str = "", at_once: int | None = None
    ) -> Iterator[T]:
        """The rows under a prefix in the order of their names, from `first` up to, but without, `end`.

        `at_once` is how many a request asks for: all that are wanted, where that is known.
        """
        with storage_faults(f"listing gs://{self._bucket}/{prefix}"):
            for blob in self._client.list_blobs(
                self._bucket,
                prefix=prefix,
                start_offset=first or None,
                end_offset=end or None,
                page_size=at_once,
                fields="items(name,metadata),nextPageToken",
                retry=STORAGE_RETRY,
                timeout=REQUEST_TIMEOUT,
            ):
                yield msgspec.json.decode(blob.metadata[_ROW], type=ready(kind))
