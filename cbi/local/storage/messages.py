"""Requests as they come in, answers of the proxy's own, and the way to fake-gcs-server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPResponse
from io import BufferedIOBase
from tempfile import SpooledTemporaryFile
from typing import IO
from urllib.parse import parse_qsl, quote, urlsplit

from cbi.local.storage.rules import Json, Refusal

BLOCK = 1 << 20
HOP_HEADERS = {"connection", "content-length", "date", "host", "keep-alive", "server", "transfer-encoding"}
"""Headers that belong to one connection and are not passed on, in lower case."""

_IN_MEMORY = 16 << 20


@dataclass(frozen=True)
class Request:
    """One request with its whole body read, so that no lock is held while a client sends."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    headers: Message
    body: IO[bytes]
    size: int

    def json(self) -> Json:
        """The body as a JSON object; an empty body is an empty one."""
        content = self.body.read()
        self.body.seek(0)
        try:
            parsed = json.loads(content or b"{}")
        except ValueError as error:
            raise Refusal(400, "parseError", f"The body is not JSON: {error}") from error
        if not isinstance(parsed, dict):
            raise Refusal(400, "parseError", "The body is not a JSON object")
        return parsed

    def head(self) -> bytes:
        """The first block of the body."""
        content = self.body.read(BLOCK)
        self.body.seek(0)
        return content


@dataclass(frozen=True)
class Answer:
    """An answer of the proxy's own."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


@contextmanager
def read_request(method: str, target: str, headers: Message, stream: BufferedIOBase) -> Iterator[Request]:
    """Read a request's body, a long one to disk. Raises ConnectionError when it ends too early."""
    url = urlsplit(target)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    with SpooledTemporaryFile(_IN_MEMORY) as body:
        for block in _blocks(headers, stream):
            body.write(block)
        size = body.tell()
        body.seek(0)
        yield Request(method, target, url.path, query, headers, body, size)


def _blocks(headers: Message, stream: BufferedIOBase) -> Iterator[bytes]:
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        while size := int(stream.readline().partition(b";")[0] or b"-1", 16):
            yield _exactly(size, stream)
            stream.readline()
        while stream.readline().strip():
            pass  # trailers
        return
    left = int(headers.get("Content-Length") or 0)
    while left:
        yield _exactly(min(left, BLOCK), stream)
        left -= min(left, BLOCK)


def _exactly(size: int, stream: BufferedIOBase) -> bytes:
    """The next `size` bytes. A client that died while sending must not leave half an object."""
    block = stream.read(size) if size > 0 else b""
    if len(block) != size:
        raise ConnectionError("the client went away in the middle of its request")
    return block


class Upstream:
    """The connection to fake-gcs-server that one client connection uses."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=600, blocksize=BLOCK)

    def forward(self, request: Request, target: str | None = None) -> HTTPResponse:
        """Send the request on, to another target if one is given; the answer's body is still to be read."""
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_HEADERS}
        headers |= {"Host": request.headers.get("Host", ""), "Content-Length": str(request.size)}
        self._connection.request(request.method, target or request.target, request.body, headers)
        return self._connection.getresponse()

    def write(self, request: Request) -> HTTPResponse:
        """Forward a write. A fault of the stand-in becomes a refusal: clients repeat a 500 for minutes."""
        response = self.forward(request)
        if response.status >= 500:
            raise Refusal(400, "invalid", f"The local storage cannot do this: {response.read().decode()}")
        return response

    def metadata(self, bucket: str, name: str) -> Json | None:
        """The object's resource, None when it is not there."""
        self._connection.request("GET", f"/storage/v1/b/{quote(bucket)}/o/{quote(name, safe='')}")
        response = self._connection.getresponse()
        body = response.read()
        return json.loads(body) if response.status == 200 else None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
