"""Holds each kind of request to Cloud Storage's rules, under the object's lock, and forwards it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import parse_qsl, unquote, urlsplit

from cbi.local.content_range import ContentRange, received_header
from cbi.local.storage.changes import CHANGES_PATH, LONGEST_WAIT_SECONDS, Changes
from cbi.local.storage.messages import BLOCK, HOP_HEADERS, Answer, Request, Upstream, read_request
from cbi.local.storage.rules import Json, Preconditions, Refusal, check_name, not_found


@dataclass
class _Upload:
    """A resumable upload; `lock` is held by the one request that works on it."""

    bucket: str
    name: str
    preconditions: Preconditions
    received: int = 0
    result: bytes | None = None
    lock: Lock = field(default_factory=Lock)


class StorageProxy(ThreadingHTTPServer):
    """A server of 127.0.0.1:`port` in front of fake-gcs-server at 127.0.0.1:`upstream_port`.

    At `/` is the index.html of the bucket `home`.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int, upstream_port: int, home: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.home = home
        self.upstream_port = upstream_port
        self.uploads: dict[str, _Upload] = {}
        self.changes = Changes()
        self.notified: set[str] = set()
        self._locks = [Lock() for _ in range(512)]

    def lock(self, bucket: str, name: str) -> Lock:
        """The lock under which an object is checked and written; a few objects may share one."""
        return self._locks[hash((bucket, name)) % len(self._locks)]


class _Handler(BaseHTTPRequestHandler):
    """Serves one client connection."""

    server: StorageProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._upstream = Upstream(self.server.upstream_port)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: only errors are logged."""

    def _serve(self) -> None:
        try:
            with read_request(self.command, self.path, self.headers, self.rfile) as request:
                self._relay(self._answer(request))
        except Refusal as refusal:
            self._refuse(refusal)
        except (HTTPException, OSError) as error:
            self.close_connection = True
            self.log_error("%s %s: %r", self.command, self.path, error)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _answer(self, request: Request) -> HTTPResponse | Answer:
        for methods, pattern, action in _ROUTES:
            if request.method in methods and (match := pattern.fullmatch(request.path)):
                return action(self, request, *map(unquote, match.groups()))
        raise Refusal(
            501, "notImplemented", f"The local storage does not know {request.method} {request.path}"
        )

    def _pass(self, request: Request, *_: str) -> HTTPResponse:
        return self._upstream.forward(request)

    def _read(self, request: Request, bucket: str, name: str) -> HTTPResponse:
        conditions = Preconditions.of(request.query)
        if not conditions:
            return self._upstream.forward(request)
        found = self._existing(bucket, name, request.query.get("generation"))
        conditions.check(found, reading=True)
        if "generation" in request.query:
            return self._upstream.forward(request)
        # pinned to what was checked, or an overwrite in between would be read
        return self._upstream.forward(request, f"{request.target}&generation={found['generation']}")

    def _change(self, request: Request, bucket: str, name: str) -> HTTPResponse | Answer:
        with self.server.lock(bucket, name):
            found = self._existing(bucket, name, request.query.get("generation"))
            Preconditions.of(request.query).check(found)
            response = self._write(request, bucket)
        if request.method == "DELETE" and response.status == HTTPStatus.OK:
            response.read()  # which is empty, and an empty 200 is not what clients expect
            return Answer(HTTPStatus.NO_CONTENT, {})
        return response

    def _compose(self, request: Request, bucket: str, name: str) -> HTTPResponse:
        check_name(name)
        sources = request.json().get("sourceObjects", [])
        with self.server.lock(bucket, name):
            Preconditions.of(request.query).check(self._upstream.metadata(bucket, name))
            for source in sources:
                found = self._existing(bucket, source["name"], source.get("generation"))
                wanted = source.get("objectPreconditions", {}).get("ifGenerationMatch")
                Preconditions(None if wanted is None else str(wanted)).check(found)
            return self._write(request, bucket)

    def _copy(self, request: Request, bucket: str, name: str, to_bucket: str, to_name: str) -> HTTPResponse:
        check_name(to_name)
        with self.server.lock(to_bucket, to_name):
            source = self._existing(bucket, name, request.query.get("sourceGeneration"))
            Preconditions.of(request.query, "ifSource").check(source)
            Preconditions.of(request.query).check(self._upstream.metadata(to_bucket, to_name))
            return self._write(request, to_bucket)

    def _write(self, request: Request, bucket: str) -> HTTPResponse:
        response = self._upstream.write(request)
        self.server.changes.note(bucket)
        return response

    def _home(self, request: Request) -> Answer:
        return Answer(302, {"Location": f"/{self.server.home}/index.html", "Content-Length": "0"})

    def _layout(self, request: Request, bucket: str) -> Answer:
        """Whether a bucket has real folders, which gcloud asks before it moves: it has none."""
        layout: Json = {"kind": "storage#storageLayout", "bucket": bucket, "location": "US"}
        layout |= {"locationType": "multi-region", "hierarchicalNamespace": {"enabled": False}}
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(layout).encode())

    def _notifications(self, request: Request, bucket: str) -> Answer:
        """Who is told of a bucket's writes: the trigger enters itself here, as Eventarc does."""
        if request.method == "POST":
            self.server.notified.add(bucket)
        topic = f"//pubsub.googleapis.com/projects/cbi-local/topics/eventarc-{bucket}"
        one = {"kind": "storage#notification", "id": "1", "topic": topic, "payload_format": "JSON_API_V1"}
        items = [one] if bucket in self.server.notified else []
        return Answer(200, {"Content-Type": "application/json"}, json.dumps({"items": items}).encode())

    def _changes(self, request: Request, bucket: str) -> Answer:
        known, timeout = (float(request.query.get(name, "-1")) for name in ("known", "timeout"))
        count = self.server.changes.wait(bucket, int(known), min(timeout, LONGEST_WAIT_SECONDS))
        return Answer(200, {"Content-Type": "application/json"}, json.dumps({"count": count}).encode())

    def _existing(self, bucket: str, name: str, generation: object) -> Json:
        found = self._upstream.metadata(bucket, name)
        if found is None or (generation is not None and str(generation) != found["generation"]):
            raise not_found(bucket, name)
        return found

    def _upload(self, request: Request, bucket: str) -> HTTPResponse | Answer:
        if upload_id := request.query.get("upload_id"):
            return self._continue_upload(request, upload_id)
        name = request.query.get("name") or _name_in_body(request)
        check_name(name)
        conditions = Preconditions.of(request.query)
        with self.server.lock(bucket, name):
            conditions.check(self._upstream.metadata(bucket, name))
            response = self._write(request, bucket)
        if request.query.get("uploadType") == "resumable" and (location := response.getheader("Location")):
            upload_id = dict(parse_qsl(urlsplit(location).query))["upload_id"]
            self.server.uploads[upload_id] = _Upload(bucket, name, conditions)
        return response

    def _continue_upload(self, request: Request, upload_id: str) -> HTTPResponse | Answer:
        upload = self.server.uploads.get(upload_id)
        if upload is None:
            raise Refusal(404, "notFound", f"No such upload: {upload_id}")
        try:
            chunk = ContentRange.parse(request.headers.get("Content-Range"), request.size)
        except ValueError as error:
            raise Refusal(400, "invalid", str(error)) from error
        with upload.lock:
            if upload.result is not None:
                return Answer(200, {"Content-Type": "application/json"}, upload.result)
            if not chunk.continues(upload.received):
                return Answer(308, received_header(upload.received))
            if not chunk.is_final:
                response = self._upstream.write(request)
                upload.received += request.size
                return response
            with self.server.lock(upload.bucket, upload.name):
                upload.preconditions.check(self._upstream.metadata(upload.bucket, upload.name))
                response = self._write(request, upload.bucket)
            upload.result = response.read()
            return Answer(response.status, {"Content-Type": "application/json"}, upload.result)

    def _relay(self, answer: HTTPResponse | Answer) -> None:
        if isinstance(answer, Answer):
            return self._send(answer.status, answer.headers, answer.body)
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in HOP_HEADERS}
        length = answer.getheader("Content-Length")
        if length is None:
            return self._send(answer.status, headers, answer.read())
        self._send_head(answer.status, headers, length)
        while block := answer.read(BLOCK):
            self.wfile.write(block)

    def _refuse(self, refusal: Refusal) -> None:
        error = {"message": refusal.message, "domain": "global", "reason": refusal.reason}
        body = {"error": {"code": refusal.status, "message": refusal.message, "errors": [error]}}
        content = b"" if refusal.status == 304 else json.dumps(body).encode()
        self._send(refusal.status, {"Content-Type": "application/json"}, content)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self._send_head(status, headers, str(len(body)))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_head(self, status: int, headers: dict[str, str], length: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()


def _name_in_body(request: Request) -> str:
    """The object's name in the metadata: the JSON body of a resumable start, a multipart's first part."""
    if request.query.get("uploadType") == "resumable":
        name = request.json().get("name")
    else:
        boundary = str(request.headers.get_param("boundary", "")).encode()
        if boundary[:1] == boundary[-1:] == b"'":
            # gcloud quotes it so, and the service takes the quotes for no part of it; the stand-in would.
            boundary = boundary[1:-1]
            request.headers.set_param("boundary", boundary.decode(), header="Content-Type", requote=True)
        try:
            # gcloud also ends its lines with LF alone.
            part = request.head().split(b"--" + boundary, 2)[1]
            name = json.loads(re.split(rb"\r?\n\r?\n", part, maxsplit=1)[1])["name"]
        except (IndexError, KeyError, ValueError) as error:
            raise Refusal(400, "required", "The multipart body has no metadata with a name") from error
    if not isinstance(name, str):
        raise Refusal(400, "required", "The upload has no object name")
    return name


_OBJECT = r"/storage/v1/b/([^/]+)/o/([^/]+)"
_Action = Callable[..., HTTPResponse | Answer]
_ROUTES: list[tuple[set[str], re.Pattern[str], _Action]] = [
    ({"GET", "HEAD"}, re.compile(f"(?:/download)?{_OBJECT}"), _Handler._read),
    ({"GET", "HEAD"}, re.compile(r"/"), _Handler._home),
    ({"GET"}, re.compile(r"/storage/v1/b/([^/]+)/storageLayout"), _Handler._layout),
    ({"GET", "POST"}, re.compile(r"/storage/v1/b/([^/]+)/notificationConfigs"), _Handler._notifications),
    ({"GET"}, re.compile(f"{CHANGES_PATH}/([^/]+)"), _Handler._changes),
    ({"GET", "HEAD"}, re.compile(r"/.*"), _Handler._pass),
    ({"POST", "PUT"}, re.compile(r"(?:/resumable)?/upload/storage/v1/b/([^/]+)/o"), _Handler._upload),
    ({"PATCH", "PUT", "DELETE"}, re.compile(_OBJECT), _Handler._change),
    ({"POST"}, re.compile(f"{_OBJECT}/compose"), _Handler._compose),
    ({"POST"}, re.compile(rf"{_OBJECT}/(?:rewriteTo|copyTo)/b/([^/]+)/o/([^/]+)"), _Handler._copy),
    ({"POST", "PATCH", "PUT", "DELETE"}, re.compile(r"/storage/v1/b(?:/[^/]+)?"), _Handler._pass),
]
