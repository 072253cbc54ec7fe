"""What a worker and the process it works for say to each other: frames through a socket."""

import socket
from enum import IntEnum
from struct import Struct
from threading import Lock
from typing import NamedTuple

_HEADER = Struct("<BIIQ")

Bytes = bytes | bytearray | memoryview


class Kind(IntEnum):
    """What a frame is: JOB and REPLY go to the worker, all others come from it.

    RETIRED is the RESULT of a worker that ends; RAISED has the traceback of what nobody has foreseen.
    """

    JOB = 1
    REPLY = 2
    REQUEST = 3
    RESULT = 4
    RETIRED = 5
    RAISED = 6


class Frame(NamedTuple):
    """A frame: `number` ties a reply to its request; `payload` is bytes that nobody takes apart."""

    kind: Kind
    number: int
    head: bytearray
    payload: bytearray


class Channel:
    """Sends frames for several threads, and receives them for one."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._sending = Lock()

    def send(self, kind: Kind, number: int, head: Bytes, payload: Bytes = b"") -> None:
        """Raises OSError where nobody listens any more."""
        payload = memoryview(payload).cast("B")
        with self._sending:
            self.connection.sendall(_HEADER.pack(kind, number, len(head), len(payload)) + bytes(head))
            if payload:
                self.connection.sendall(payload)

    def receive(self) -> Frame:
        """Raises EOFError where the other end is closed, TimeoutError where the socket has a timeout."""
        kind, number, head, payload = _HEADER.unpack(self._read(_HEADER.size))
        return Frame(Kind(kind), number, self._read(head), self._read(payload))

    def close(self) -> None:
        self.connection.close()

    def _read(self, size: int) -> bytearray:
        content = bytearray(size)
        view, at = memoryview(content), 0
        while at < size:
            read = self.connection.recv_into(view[at:])
            if not read:
                raise EOFError("the other end is closed")
            at += read
        return content
