"""Objects as files: one to read by ranges, one to write in pieces; and how their failures are raised."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Self

import pyarrow as pa
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud.storage import Blob, Client
from google.cloud.storage.exceptions import InvalidResponse
from google.cloud.storage.fileio import BlobWriter

from cbi.clients import CLOUD_FAULTS, REQUEST_TIMEOUT, STORAGE_RETRY
from cbi.errors import InvalidFile, Reason, Transient
from cbi.gcs.identity import StagedFile

# What is written up to this size goes up by one request; more is streamed in chunks of this size.
_UPLOAD_CHUNK_BYTES = 8 << 20

# A file up to this size is fetched by one request, as one large request is quicker than many small ones.
_WHOLE_FILE_BYTES = 32 << 20


def upload(blob: Blob, content: bytes, content_type: str, generation: int) -> bool:
    """Write an object over just that generation of it (0: none), and say whether it was written.

    A lost answer makes the retry meet the object of the first try: False may also mean that.
    """
    with raising_transient(f"writing gs://{blob.bucket.name}/{blob.name}"):
        try:
            blob.upload_from_string(
                content,
                content_type=content_type,
                if_generation_match=generation,
                retry=STORAGE_RETRY,
                timeout=REQUEST_TIMEOUT,
            )
        except PreconditionFailed:
            return False
    return True


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
        with raising_transient(f"writing gs://{self._blob.bucket.name}/{self._blob.name}"):
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
        with raising_transient(f"writing gs://{bucket}/{self.name}"):
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


class RangedReader(io.RawIOBase):
    """A generation of an object as a seekable file: each read is one request for just those bytes.

    `bytes_read` counts what `read` has read. An overwrite meanwhile raises InvalidFile, never mixes.
    """

    def __init__(self, client: Client, file: StagedFile, size: int) -> None:
        self.bytes_read = 0
        self._file = file
        self._blob = client.bucket(file.bucket).blob(file.name, generation=file.generation)
        self._size = size
        self._position = 0

    @contextmanager
    def open(self) -> Iterator[pa.NativeFile]:
        """Open the object for Arrow, which reads a small one as a whole."""
        small = self._size <= _WHOLE_FILE_BYTES
        with pa.BufferReader(self.read()) if small else pa.PythonFile(self, mode="r") as file:
            yield file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._position + size, self._size)
        if end <= self._position:
            return b""
        content = self.read_range(self._position, end - self._position)
        self._position = end
        self.bytes_read += len(content)
        return content

    def read_range(self, start: int, length: int) -> bytes:
        """Read just these bytes, wherever the file's position is; threads may do so side by side."""
        with raising_transient(f"reading {self._file.uri}"):
            try:
                content: bytes = self._blob.download_as_bytes(
                    start=start,
                    end=start + length - 1,
                    raw_download=True,
                    retry=STORAGE_RETRY,
                    timeout=REQUEST_TIMEOUT,
                )
            except NotFound as error:
                raise superseded(self._file) from error
        return content


def superseded(file: StagedFile) -> InvalidFile:
    return InvalidFile(
        Reason.SUPERSEDED,
        f"generation {file.generation} of {file.uri} was overwritten or deleted before it was loaded; nothing"
        " of it was loaded. A newer generation has a run and a report of its own.",
    )


@contextmanager
def raising_transient(doing: str) -> Iterator[None]:
    try:
        yield
    except CLOUD_FAULTS as error:
        raise Transient(f"{doing} failed: {error}") from error
