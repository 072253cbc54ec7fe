"""An object to read as a file, by ranges."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa

# A file up to this size is fetched by one request, as one large request is quicker than many small ones.
_WHOLE_FILE_BYTES = 32 << 20


class RangedReader(io.RawIOBase):
    """An object as a seekable file: each read is one request for just those bytes.

    `read_range` is given where to begin and how many bytes to read, also by threads side by side.
    `bytes_read` counts what `read` has read.
    """

    def __init__(self, read_range: Callable[[int, int], bytes | bytearray], size: int) -> None:
        self.bytes_read = 0
        self.read_range = read_range
        self.size = size
        self._position = 0

    @contextmanager
    def open(self) -> Iterator[pa.NativeFile]:
        """Open the object for Arrow, which reads a small one as a whole."""
        small = self.size <= _WHOLE_FILE_BYTES
        with pa.BufferReader(self.read()) if small else pa.PythonFile(self, mode="r") as file:
            yield file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:  # or a bytearray, which serves Arrow as well
        end = self.size if size < 0 else min(self._position + size, self.size)
        if end <= self._position:
            return b""
        content = self.read_range(self._position, end - self._position)
        self._position = end
        self.bytes_read += len(content)
        return content  # type: ignore[return-value]
