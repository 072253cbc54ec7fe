"""What a worker asks for while it prepares a file: it has no clients, no credentials and no network itself.

What it asks is decoded as one of these types, and never unpickled; the answers are trusted.
"""

import pickle
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Self, cast

import msgspec
import pyarrow as pa

from cbi.decoding import ready
from cbi.findings import ExistingKeys
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.workers.channel import Bytes
from cbi.workers.worker import Ask

# What is written is sent in pieces of at least this many bytes.
_PIECE_BYTES = 1 << 20

# And of at most this many, as both processes hold them.
_LARGEST_PIECE = 8 << 20


class Read(msgspec.Struct, frozen=True, tag=True):
    """Bytes of the staged file."""

    start: int
    length: int


class Write(msgspec.Struct, frozen=True, tag=True):
    """Write the payload at a place of an object, which follows what was written before; `last` makes it.

    At place 0 the object is begun, again where another worker had begun it and was stopped.
    """

    name: str
    at: int
    last: bool


class CopyStaged(msgspec.Struct, frozen=True, tag=True):
    """Copy the staged bytes to an object; answered with whether the buckets can by themselves."""

    name: str


class Compose(msgspec.Struct, frozen=True, tag=True):
    """Join objects to another."""

    sources: tuple[str, ...]
    name: str


class FindExistingKeys(msgspec.Struct, frozen=True, tag=True):
    """Which keys the table has; the payload is those of the file, an Arrow stream of the target's columns."""


class RefreshCalendar(msgspec.Struct, frozen=True, tag=True):
    """A calendar as young as can be."""


class StepDone(msgspec.Struct, frozen=True, tag=True):
    """A step has ended."""

    step: str
    seconds: float


_Request = Read | Write | CopyStaged | Compose | FindExistingKeys | RefreshCalendar | StepDone


def decode_request(head: bytes) -> _Request:
    """Raises msgspec.ValidationError for anything else."""
    request: _Request = msgspec.msgpack.decode(head, type=ready(cast(Any, _Request)))
    return request


class Cloud:
    """What a worker has of the cloud, for several threads.

    Whatever fails there ends the worker, and is raised to who waits for it.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def read_range(self, start: int, length: int) -> bytearray:
        return self._asked(Read(start, length))

    def open_parquet(self, name: str) -> "RemoteObject":
        """Open an object for writing; only its `commit` makes it, unless there is one of its name."""
        return RemoteObject(self, name)

    def write(self, name: str, at: int, content: Bytes, *, last: bool) -> None:
        self._asked(Write(name, at, last), content)

    def copy_staged(self, name: str) -> bool:
        """Copy the staged bytes, if the buckets can by themselves."""
        return bool(pickle.loads(self._asked(CopyStaged(name))))

    def compose(self, sources: Sequence[str], name: str) -> None:
        """Join objects to another, unless there is one of its name."""
        self._asked(Compose(tuple(sources), name))

    def find_existing_keys(self, keys: pa.Table) -> ExistingKeys:
        """Ask the table for keys; the columns have its names."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, keys.schema) as stream:
            stream.write_table(keys)
        found: ExistingKeys = pickle.loads(self._asked(FindExistingKeys(), memoryview(sink.getvalue())))
        return found

    def refreshed_calendar(self) -> RegimeCalendar:
        calendar: RegimeCalendar = pickle.loads(self._asked(RefreshCalendar()))
        return calendar

    def step_done(self, step: str, seconds: float) -> None:
        self._asked(StepDone(step, seconds))

    def _asked(self, request: _Request, payload: Bytes = b"") -> bytearray:
        return self._ask(msgspec.msgpack.encode(request), payload)


class RemoteObject(AbstractContextManager["RemoteObject"]):
    """An object being written through another process."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.name = name
        self.size = 0
        self._cloud = cloud
        self._sent = 0
        self._gathered = bytearray()

    def write(self, data: Any) -> int:
        content = memoryview(data).cast("B")
        for at in range(0, len(content), _LARGEST_PIECE):
            self._gathered += content[at : at + _LARGEST_PIECE]
            if len(self._gathered) >= _PIECE_BYTES:
                self._send(last=False)
        self.size += len(content)
        return len(content)

    def commit(self) -> None:
        self._send(last=True)

    def _send(self, *, last: bool) -> None:
        self._cloud.write(self.name, self._sent, self._gathered, last=last)
        self._sent += len(self._gathered)
        self._gathered = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
