"""A proxy in front of a server that fails just the requests it is told to, just as it is told to."""

import http.client
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}

# The storage client looks its buckets up in threads of its own, whenever it likes; nothing waits for that.
_NOT_COUNTED = re.compile(r"GET /storage/v1/b/[^/?]+\?")


@dataclass(frozen=True)
class Fault:
    """What to do to a request instead of passing it on and its answer back.

    `forward` passes it on but keeps the answer; `status` answers with that and `body`; without it the
    connection is closed. `then` is called first where nothing is forwarded, and between forwarding
    and answering else.
    """

    forward: bool = False
    status: int | None = None
    then: Callable[[], None] = lambda: None
    body: bytes = b'{"error": {"message": "a fault of the test"}}'


@dataclass(frozen=True)
class Meanwhile:
    """What happens before a request is passed on and answered as ever."""

    then: Callable[[], None]


Decide = Callable[[int, str], Fault | Meanwhile | None]


class Faults:
    """Numbers the requests of all its proxies from 0, and decides which of them fail.

    `seen` are the requests so far, by number, as `METHOD path`; `struck` is the last that met a fault.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decide: Decide = lambda number, request: None
        self.seen: list[str] = []
        self.struck: str | None = None

    def plan(self, decide: Decide) -> None:
        """Number the requests from 0 again; `decide` is given each one's number and text, `METHOD path`."""
        with self._lock:
            self.seen, self.struck = [], None
            self._decide = decide

    def clear(self) -> None:
        self.plan(lambda number, request: None)

    def strike(self, number: int, fault: Fault | Meanwhile) -> None:
        """Number the requests from 0 again, and let just one request meet a fault."""
        self.plan(lambda found, request: fault if found == number else None)

    def next(self, request: str) -> Fault | Meanwhile | None:
        if _NOT_COUNTED.match(request):
            return None
        with self._lock:
            self.seen.append(request)
            decision = self._decide(len(self.seen) - 1, request)
            if decision is not None:
                self.struck = request
            return decision


@contextmanager
def proxy(upstream: str, faults: Faults) -> Iterator[str]:
    """Run a proxy in front of `upstream` (a base URL), and give its own base URL."""
    server = _Server(upstream, faults)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server.base
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, upstream: str, faults: Faults) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.faults = upstream, faults
        self.base = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: object) -> None:
        # Clients that are killed do not say goodbye.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        pass

    def _handle(self) -> None:
        body = self._read_body()
        fault = self.server.faults.next(f"{self.command} {self.path}")
        if isinstance(fault, Meanwhile):
            fault.then()
        if fault is None or isinstance(fault, Meanwhile):
            self._answer(*self._forward(body))
            return
        if fault.forward:
            self._forward(body)
        fault.then()
        if fault.status is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._answer(fault.status, [], fault.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle  # noqa: N815

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.server.upstream).netloc, timeout=120)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        connection.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
        response = connection.getresponse()
        answer = response.status, response.getheaders(), response.read()
        connection.close()
        return answer

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        length = str(len(body))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in _HOP_BY_HOP:
                # Where to upload to must lead through the proxy again.
                self.send_header(name, value.replace(self.server.upstream, self.server.base))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
