"""Passes on what a client and a server say to each other, and takes note of when they said it."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlsplit

_PIECE = 1 << 16


@dataclass
class Exchange:
    """A request and its answer. Times are those of the last byte of each, in seconds of `perf_counter`."""

    request: bytes
    asked: float
    answered: float | None = None


class Relay:
    """A TCP port of its own in front of a server's; on each connection one request follows another."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self._upstream = ("", 0)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def connect_to(self, url: str) -> None:
        """Say where the server is."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._upstream = (parts.hostname, parts.port)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(self._upstream)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(client, server, self.exchanges)
            threading.Thread(target=connection.pass_requests, daemon=True).start()
            threading.Thread(target=connection.pass_answers, daemon=True).start()

    def close(self) -> None:
        self._listening.close()


class _Connection:
    def __init__(self, client: socket.socket, server: socket.socket, exchanges: list[Exchange]) -> None:
        self._client, self._server, self._exchanges = client, server, exchanges
        self._current: Exchange | None = None

    def pass_requests(self) -> None:
        for data in _pieces(self._client):
            now = perf_counter()
            current = self._current
            if current is None or current.answered is not None:
                self._current = current = Exchange(b"", now)
                self._exchanges.append(current)
            current.request += data
            current.asked = now
            self._server.sendall(data)
        _shut(self._server)

    def pass_answers(self) -> None:
        for data in _pieces(self._server):
            # Before it is sent: the client may be quicker with its next request than this thread.
            if self._current is not None:
                self._current.answered = perf_counter()
            self._client.sendall(data)
        _shut(self._client)


def _pieces(end: socket.socket) -> Iterator[bytes]:
    try:
        while data := end.recv(_PIECE):
            yield data
    except ConnectionError:
        return


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_WR)
    except OSError:  # it is closed already
        return


@contextmanager
def relays(count: int) -> Iterator[Sequence[Relay]]:
    """So many relays, closed on leaving."""
    made = [Relay() for _ in range(count)]
    try:
        yield made
    finally:
        for relay in made:
            relay.close()
