"""Ranged reads of an object: few requests, side by side, and bytes are counted."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import SEEK_CUR, SEEK_END, SEEK_SET, RawIOBase
from threading import Lock

# A gap up to this size is read along: a request takes about as long as a megabyte does.
_GAP_BYTES = 1 << 20

# A larger range is cut, so that its pieces come side by side.
_REQUEST_BYTES = 2 << 20

_REQUESTS_AT_ONCE = 8

Read = Callable[[int, int], bytes | bytearray]
"""Reads a range of an object: (start, length) → just these bytes."""


@dataclass(frozen=True)
class Range:
    """Bytes of an object from `start` to before `end`."""

    start: int
    end: int


class RangeReader:
    """Reads ranges of an object, for several threads, and counts requests and bytes."""

    def __init__(self, read: Read, size: int) -> None:
        self.size = size
        self.requests = 0
        self.bytes_read = 0
        self._read = read
        self._counting = Lock()

    def fetch(self, ranges: Iterable[Range]) -> "Segments":
        """Read these ranges by few requests, several at a time."""
        pieces = list(_requests(ranges))
        with self._counting:
            self.requests += len(pieces)
            self.bytes_read += sum(piece.end - piece.start for piece in pieces)

        def read(piece: Range) -> bytes | bytearray:
            return self._read(piece.start, piece.end - piece.start)

        if len(pieces) == 1:
            return Segments([(pieces[0].start, read(pieces[0]))])
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            contents = list(pool.map(read, pieces))
        return Segments([(piece.start, content) for piece, content in zip(pieces, contents, strict=True)])


class Segments:
    """The bytes of an object that were read, by where they are in it."""

    def __init__(self, segments: Iterable[tuple[int, bytes | bytearray]]) -> None:
        self._segments = sorted(segments, key=lambda segment: segment[0])
        self._starts = [start for start, _ in self._segments]

    def joined(self, start: int, content: bytes | bytearray) -> "Segments":
        """These segments and one more."""
        return Segments([*self._segments, (start, content)])

    def slice(self, start: int, end: int) -> memoryview | bytes:
        """The bytes of a range, all of which must have been read, if in several pieces."""
        pieces = []
        while start < end:
            number = bisect_right(self._starts, start) - 1
            begin, content = self._segments[number] if number >= 0 else (0, b"")
            piece = memoryview(content)[start - begin : end - begin]
            if not piece:
                raise EOFError(f"the bytes from {start} to {end} were not read")
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Streamed:
    """A long range, fetched step by step; only what was asked for last is kept."""

    def __init__(self, reader: RangeReader, wanted: Range, step: int) -> None:
        self._reader = reader
        self._wanted = wanted
        self._step = step
        self._fetched = wanted.start
        self._segments = Segments([])

    def slice(self, start: int, end: int) -> memoryview | bytes:
        """The bytes of a range, which must not begin before the range asked for last."""
        if end > self._fetched:
            kept = bytes(self._segments.slice(start, self._fetched))
            until = max(end, min(self._fetched + self._step, self._wanted.end))
            fetched = self._reader.fetch([Range(max(start, self._fetched), until)])
            self._segments, self._fetched = fetched.joined(start, kept) if kept else fetched, until
        return self._segments.slice(start, end)


class SparseFile(RawIOBase):
    """An object as a file that ends where it is told to; only what was read of it can be read again."""

    def __init__(self, segments: Segments, size: int) -> None:
        self._segments = segments
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        base = {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._position + size, self._size)
        content = self._segments.slice(self._position, max(end, self._position))
        self._position += len(content)
        return content  # type: ignore[return-value]  # a memoryview serves Arrow as well, without a copy


def _requests(ranges: Iterable[Range]) -> Iterator[Range]:
    """The ranges in order, neighbours joined and long ones cut."""
    joined: list[Range] = []
    for wanted in sorted(ranges, key=lambda wanted: wanted.start):
        if joined and wanted.start - joined[-1].end <= _GAP_BYTES:
            joined[-1] = Range(joined[-1].start, max(joined[-1].end, wanted.end))
        elif wanted.end > wanted.start:
            joined.append(wanted)
    for whole in joined:
        for start in range(whole.start, whole.end, _REQUEST_BYTES):
            yield Range(start, min(start + _REQUEST_BYTES, whole.end))
