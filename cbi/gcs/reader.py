"""A generation of an object to read by ranges, as a file or for threads side by side."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from google.api_core.exceptions import NotFound
from google.cloud.storage import Client

from cbi.clients import REQUEST_TIMEOUT, STORAGE_RETRY
from cbi.gcs.faults import storage_faults, superseded
from cbi.gcs.identity import StagedFile

# A file up to this size is fetched by one request, as one large request is quicker than many small ones.
_WHOLE_FILE_BYTES = 32 << 20


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
        with storage_faults(f"reading {self._file.uri}"):
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
