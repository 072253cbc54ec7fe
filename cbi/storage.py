"""Cloud Storage: reads of one generation, and writes that may be repeated."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, BinaryIO, Self

import pyarrow as pa
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud.storage import Blob, Client
from google.cloud.storage.exceptions import InvalidResponse
from google.cloud.storage.fileio import BlobWriter

from cbi.clients import CLOUD_FAULTS, REQUEST_TIMEOUT, STORAGE_RETRY
from cbi.errors import InvalidFile, Reason, Transient
from cbi.identity import StagedFile

# A file up to this size is fetched by one request, as one large request is quicker than many small ones.
_WHOLE_FILE_BYTES = 32 << 20

# What is written up to this size goes up by one request; more is streamed in chunks of this size.
_UPLOAD_CHUNK_BYTES = 8 << 20

PARQUET = "application/vnd.apache.parquet"
JSON = "application/json"


@dataclass(frozen=True)
class StagedObject:
    """A staged file with what the bucket says of it. `size` is in bytes; checksums are in base64."""

    file: StagedFile
    size: int
    finalized_at: datetime
    crc32c: str


class ObjectStore:
    """The buckets. Whatever fails for good, retries included, is raised as Transient."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def newest(self, bucket: str, name: str) -> StagedFile:
        """The live generation of an object. Raises InvalidFile when there is none."""
        blob = self._get(bucket, name)
        if blob is None:
            raise InvalidFile(Reason.UNREADABLE_FILE, f"gs://{bucket}/{name} does not exist")
        return StagedFile(bucket, name, int(blob.generation))

    def stat(self, file: StagedFile) -> StagedObject:
        """What the bucket says of a generation. Raises InvalidFile when it is there no more."""
        blob = self._get(file.bucket, file.name, file.generation)
        if blob is None:
            raise _superseded(file)
        return StagedObject(file, int(blob.size), blob.time_created, blob.crc32c)

    @contextmanager
    def open(self, staged: StagedObject) -> Iterator[pa.NativeFile]:
        """Open a generation for random access; an overwrite meanwhile raises InvalidFile, never mixes."""
        reader = _RangedReader(self._client, staged)
        small = staged.size <= _WHOLE_FILE_BYTES
        with pa.BufferReader(reader.read()) if small else pa.PythonFile(reader, mode="r") as file:
            yield file

    def read_json(self, bucket: str, name: str) -> dict[str, Any] | None:
        """A JSON object's content, or None when there is no such object."""
        with _raising_transient(f"reading gs://{bucket}/{name}"):
            try:
                content = self._blob(bucket, name).download_as_bytes(
                    retry=STORAGE_RETRY, timeout=REQUEST_TIMEOUT
                )
            except NotFound:
                return None
        value: dict[str, Any] = json.loads(content)
        return value

    def create(self, bucket: str, name: str, content: bytes, content_type: str) -> bool:
        """Write an object unless there is one of this name, and say whether it was written.

        A lost answer makes the retry meet the object of the first try: False may also mean that.
        """
        with _raising_transient(f"writing gs://{bucket}/{name}"):
            try:
                self._blob(bucket, name).upload_from_string(
                    content,
                    content_type=content_type,
                    if_generation_match=0,
                    retry=STORAGE_RETRY,
                    timeout=REQUEST_TIMEOUT,
                )
            except PreconditionFailed:
                return False
        return True

    def create_stream(self, bucket: str, name: str, content_type: str) -> "ObjectWriter":
        """Open an object for writing, in pieces of any size."""
        return ObjectWriter(self, self._blob(bucket, name), content_type)

    def put(self, bucket: str, name: str, content: BinaryIO, size: int) -> StagedFile:
        """Write an object, over another if there is one, and give the generation this made."""
        blob = self._blob(bucket, name)
        with _raising_transient(f"writing gs://{bucket}/{name}"):
            blob.upload_from_file(
                content, size=size, content_type=PARQUET, retry=STORAGE_RETRY, timeout=REQUEST_TIMEOUT
            )
        return StagedFile(bucket, name, int(blob.generation))

    def copy(self, bucket: str, source: str, target: str) -> None:
        """Copy an object inside the output bucket, unless the copy is there already."""
        blob = self._blob(bucket, target)
        with _raising_transient(f"copying gs://{bucket}/{source}"):
            token = None
            while True:
                try:
                    token, _, _ = blob.rewrite(
                        self._blob(bucket, source),
                        token=token,
                        if_generation_match=0,
                        retry=STORAGE_RETRY,
                        timeout=REQUEST_TIMEOUT,
                    )
                except PreconditionFailed:
                    return
                if token is None:
                    return

    def _get(self, bucket: str, name: str, generation: int | None = None) -> Blob | None:
        with _raising_transient(f"looking at gs://{bucket}/{name}"):
            return self._client.bucket(bucket).get_blob(
                name, generation=generation, retry=STORAGE_RETRY, timeout=REQUEST_TIMEOUT
            )

    def _blob(self, bucket: str, name: str) -> Blob:
        return self._client.bucket(bucket).blob(name)


class ObjectWriter(io.RawIOBase):
    """A file to write an object to: kept in memory while small, streamed in chunks once it is not.

    Only `commit` makes the object; leaving the `with` block without it leaves nothing behind.
    """

    def __init__(self, store: ObjectStore, blob: Blob, content_type: str) -> None:
        self.name: str = blob.name
        self._store = store
        self._blob = blob
        self._content_type = content_type
        self._start = io.BytesIO()
        self._stream: BlobWriter | None = None
        self._committed = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        with _raising_transient(f"writing gs://{self._blob.bucket.name}/{self._blob.name}"):
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
        return len(data)

    def commit(self) -> None:
        """Make the object, unless there is one of its name already."""
        self._committed = True
        bucket = self._blob.bucket.name
        if self._stream is None:
            self._store.create(bucket, self.name, self._start.getvalue(), self._content_type)
            self._start.close()
            return
        with _raising_transient(f"writing gs://{bucket}/{self.name}"):
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


class _RangedReader(io.RawIOBase):
    """A generation of an object as a seekable file: each read is one request for just those bytes."""

    def __init__(self, client: Client, staged: StagedObject) -> None:
        file = staged.file
        self._file = file
        self._blob = client.bucket(file.bucket).blob(file.name, generation=file.generation)
        self._size = staged.size
        self._position = 0

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
        with _raising_transient(f"reading {self._file.uri}"):
            try:
                content: bytes = self._blob.download_as_bytes(
                    start=self._position,
                    end=end - 1,
                    raw_download=True,
                    retry=STORAGE_RETRY,
                    timeout=REQUEST_TIMEOUT,
                )
            except NotFound as error:
                raise _superseded(self._file) from error
        self._position = end
        return content


def _superseded(file: StagedFile) -> InvalidFile:
    return InvalidFile(
        Reason.SUPERSEDED,
        f"generation {file.generation} of {file.uri} was overwritten or deleted before it was loaded; nothing"
        " of it was loaded. A newer generation has a run and a report of its own.",
    )


@contextmanager
def _raising_transient(doing: str) -> Iterator[None]:
    try:
        yield
    except CLOUD_FAULTS as error:
        raise Transient(f"{doing} failed: {error}") from error
