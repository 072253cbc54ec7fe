"""An object to write in pieces of any size, or at once."""

import io
from http import HTTPStatus
from typing import Any, Self

from google.api_core.exceptions import PreconditionFailed
from google.cloud.storage import Blob
from google.cloud.storage.exceptions import InvalidResponse
from google.cloud.storage.fileio import BlobWriter

from cbi.clients import REQUEST_TIMEOUT, STORAGE_RETRY
from cbi.gcs.faults import storage_faults

# What is written up to this size goes up by one request; more is streamed in chunks of this size.
_UPLOAD_CHUNK_BYTES = 8 << 20


def upload(blob: Blob, content: bytes, content_type: str, generation: int) -> int | None:
    """Write an object over just that generation of it (0: none), and return the one this made, if it did.

    A lost answer makes the retry meet the object of the first try: None may also mean that.
    """
    with storage_faults(f"writing gs://{blob.bucket.name}/{blob.name}"):
        try:
            blob.upload_from_string(
                content,
                content_type=content_type,
                if_generation_match=generation,
                retry=STORAGE_RETRY,
                timeout=REQUEST_TIMEOUT,
            )
        except PreconditionFailed:
            return None
    return int(blob.generation)


class ObjectWriter(io.RawIOBase):
    """A file to write an object to: kept in memory while small, streamed in chunks once it is not.

    Only `commit` makes the object; leaving the `with` block without it leaves nothing behind.
    """

    def __init__(self, blob: Blob, content_type: str) -> None:
        self.name: str = blob.name
        self.size = 0
        self._blob = blob
        self._content_type = content_type
        self._start = io.BytesIO()
        self._stream: BlobWriter | None = None
        self._committed = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        with storage_faults(f"writing gs://{self._blob.bucket.name}/{self._blob.name}"):
            if self._stream is None and self._start.tell() + len(data) > _UPLOAD_CHUNK_BYTES:
                self._stream = self._blob.open(
                    "wb",
                    chunk_size=_UPLOAD_CHUNK_BYTES,
                    content_type=self._content_type,
                    if_generation_match=0,
                    retry=STORAGE_RETRY,
                    timeout=REQUEST_TIMEOUT,
                )
                self._stream.write(self._start.getvalue())
                self._start.close()
            (self._stream or self._start).write(data)
        self.size += len(data)
        return len(data)

    def commit(self) -> None:
        """Make the object, unless there is one of its name already."""
        self._committed = True
        bucket = self._blob.bucket.name
        if self._stream is None:
            upload(self._blob, self._start.getvalue(), self._content_type, generation=0)
            self._start.close()
            return
        with storage_faults(f"writing gs://{bucket}/{self.name}"):
            try:
                self._stream.close()
            except PreconditionFailed:
                pass
            except InvalidResponse as error:  # what a resumable upload raises for the same thing
                if error.response.status_code != HTTPStatus.PRECONDITION_FAILED:
                    raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None and not self._committed:
            self._stream.terminate()
