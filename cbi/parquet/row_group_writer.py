"""Row groups encoded by threads, side by side, and written in the order in which they came."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import pyarrow as pa

from cbi.parquet.encode import EncodedGroup, encode_row_group
from cbi.parquet.join import JoinedFile

# Each takes its bytes in memory, and those in the file besides.
_MOST_AT_ONCE = 4


@dataclass(frozen=True)
class _UnderWay:
    """A row group that a thread encodes, and the file it goes to."""

    group: Future[EncodedGroup]
    file: JoinedFile

    def write(self) -> None:
        self.file.append(self.group.result())


class RowGroupWriter:
    """Encodes row groups of any number of files, as many at a time as there are processors.

    Files are written by the caller's thread only. Leaving the `with` block waits for the threads.
    """

    def __init__(self) -> None:
        self._at_once = min(pa.cpu_count(), _MOST_AT_ONCE)
        self._threads = ThreadPoolExecutor(self._at_once)
        self._under_way: deque[_UnderWay] = deque()

    def write(self, table: pa.Table, file: JoinedFile, *, keep_types: bool) -> None:
        """Begin to encode a row group of a file; where that is one too many, finish the oldest first."""
        oldest = self._under_way.popleft() if len(self._under_way) == self._at_once else None
        if oldest is not None:
            oldest.group.result()
        group = self._threads.submit(encode_row_group, table, keep_types=keep_types)
        self._under_way.append(_UnderWay(group, file))
        if oldest is not None:  # only now, so that no thread waits for an upload
            oldest.write()

    def flush(self) -> None:
        """Write all that is under way."""
        while self._under_way:
            self._under_way.popleft().write()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
