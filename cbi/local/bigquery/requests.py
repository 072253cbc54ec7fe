"""What stands in front of bqemulator's routes: one request at a time, one use of each job id, load jobs.

bqemulator answers concurrent requests over one DuckDB connection, so that a read can return another
read's rows; it runs a used job id again; and it answers much invalid input with a 500, which Google's
clients repeat for ten minutes.
"""

import asyncio
import gzip
import json
import re
from collections.abc import MutableMapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import duckdb
from bqemulator.api.dependencies import AppContext
from bqemulator.domain.errors import (
    DomainError,
    ErrorDetail,
    ResourceRef,
    ValidationError,
    resource_already_exists,
)
from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cbi.local.bigquery.dml import Dml, parse_dml
from cbi.local.bigquery.jobs import LoadJobs, LoadRules
from cbi.local.bigquery.loads import Json, uploads_folder
from cbi.local.bigquery.tables import patch_table
from cbi.local.bigquery.uploads import Uploads
from cbi.local.content_range import ContentRange, received_header

SETTINGS_PATH = "/_local/settings"

# https://cloud.google.com/bigquery/quotas#query_jobs; what is uploaded is not counted.
LARGEST_REQUEST = 10 << 20

_JOBS = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/jobs")
_UPLOAD = re.compile(r"/upload/bigquery/v2/projects/(?P<project>[^/]+)/jobs")
_TABLE = re.compile(r"/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)")
_CANCEL = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/jobs/(?P<job>[^/]+)/cancel")
_BAD_INPUT = (duckdb.Error, ValueError, TypeError, LookupError, AttributeError)


class RequestGate:
    """The ASGI layer through which every request to the emulator passes."""

    def __init__(self, app: ASGIApp, context: AppContext, rules: LoadRules) -> None:
        self._app = app
        self._context = context
        self._turn = asyncio.Lock()
        self._jobs = LoadJobs(context, self._turn, rules)
        self._uploads = Uploads()
        self._jobs.resume(context.settings.default_project_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request when its turn has come."""
        body = await _read(receive)  # before taking the turn: a slow client must not hold up the others
        if body is None:
            return
        async with self._turn:
            try:
                response = await self._answer(scope, body)
                if response is None:
                    return await self._app(scope, _replay(body, receive), send)
            except DomainError as error:
                response = JSONResponse(error.to_bigquery_error(), error.http_status)
            except _BAD_INPUT as error:
                refusal = ValidationError(
                    f"The local BigQuery cannot do this: {type(error).__name__}: {error}"
                )
                response = JSONResponse(refusal.to_bigquery_error(), refusal.http_status)
        await response(scope, receive, send)

    async def _answer(self, scope: MutableMapping[str, Any], body: bytes) -> Response | None:
        """The answer of this layer, or None to let the emulator answer `scope`."""
        method, path = scope["method"], scope["path"]
        if path == SETTINGS_PATH:
            if method == "PUT":
                self._jobs.rules = self._jobs.rules.changed(json.loads(body))
            return JSONResponse(asdict(self._jobs.rules))
        if match := _UPLOAD.fullmatch(path):
            return await self._upload(scope, match["project"], body)
        _refuse_large_request(body)
        if method == "POST" and (match := _JOBS.fullmatch(path)):
            job = _parse(scope, body)
            if (dml := _dml_of(job, match["project"])) is not None:
                self._refuse_used_id(match["project"], job)
                return await self._run_dml(scope, match["project"], dml, body)
            await self._insert_job(scope, match["project"], job)
        elif method == "PATCH" and (match := _TABLE.fullmatch(path)):
            key = match[1], match[2], match[3]
            if_match = Headers(scope=scope).get("if-match")
            return JSONResponse(patch_table(self._context, key, if_match, _decode(scope, body)))
        elif method == "POST" and (match := _CANCEL.fullmatch(path)):
            self._jobs.cancel(match["project"], match["job"])
        return None

    async def _upload(self, scope: MutableMapping[str, Any], project: str, body: bytes) -> Response | None:
        headers, query = Headers(scope=scope), QueryParams(scope["query_string"])
        if query.get("uploadType") != "resumable":
            raise ValidationError("The local BigQuery takes resumable uploads only: leave `size` out")
        if "upload_id" not in query:
            upload_id = self._uploads.start(_parse(scope, body))
            url = f"http://{headers['host']}{scope['path']}?uploadType=resumable&upload_id={upload_id}"
            return Response(headers={"Location": url})
        upload = self._uploads.get(query["upload_id"])
        upload.add(ContentRange.parse(headers.get("content-range"), len(body)), body)
        if not upload.is_complete:
            return Response(status_code=308, headers=received_header(len(upload.content)))
        upload.job["configuration"]["load"]["sourceUris"] = [upload.keep(uploads_folder(self._context))]
        await self._insert_job(scope, project, upload.job)
        return None

    async def _insert_job(self, scope: MutableMapping[str, Any], project: str, job: Json) -> None:
        """Insert the job if it is a load, and turn `scope` into the question for it."""
        self._refuse_used_id(project, job)
        if "load" in job["configuration"]:
            job_id = await self._jobs.insert(project, job)
            scope["method"], scope["path"] = "GET", f"/bigquery/v2/projects/{project}/jobs/{job_id}"

    def _refuse_used_id(self, project: str, job: Json) -> None:
        job_id = job.get("jobReference", {}).get("jobId")
        if job_id and self._context.catalog.get_job(project, job_id) is not None:
            raise resource_already_exists(ResourceRef("job", project, resource_id=job_id))

    async def _run_dml(self, scope: Scope, project: str, dml: Dml, body: bytes) -> Response:
        """Let the emulator run the statement, and add to its job what the statement did."""
        dml.check(self._context)
        before = dml.count_rows(self._context)
        answer = await _collect(self._app, scope, body)
        if answer.status_code != HTTPStatus.OK:
            return answer
        content = json.loads(bytes(answer.body))
        query = content["statistics"]["query"]
        touched = int(query.get("numDmlAffectedRows", 0))
        query["dmlStats"] = dml.statistics(touched, before, dml.count_rows(self._context))
        job = self._context.catalog.get_job(project, content["jobReference"]["jobId"])
        if job is not None:
            statistics = {**job.statistics, "query": {**job.statistics.get("query", {}), **query}}
            self._context.catalog.upsert_job(job.model_copy(update={"statistics": statistics}))
        return JSONResponse(content)


def _refuse_large_request(body: bytes) -> None:
    if len(body) > LARGEST_REQUEST:
        message = f"Request payload size exceeds the limit: {LARGEST_REQUEST} bytes."
        raise ValidationError(message, details=[ErrorDetail("badRequest", message)])


async def _read(receive: Receive) -> bytes | None:
    """The whole body, None when the client went away in the middle of it."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


async def _collect(app: ASGIApp, scope: Scope, body: bytes) -> Response:
    """The whole answer of an application to a request whose body is known."""
    status, content = HTTPStatus.INTERNAL_SERVER_ERROR.value, bytearray()

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)
        content.extend(message.get("body", b""))

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    await app(scope, receive, send)
    return Response(bytes(content), status, media_type="application/json")


def _dml_of(job: Json, project: str) -> Dml | None:
    query = job["configuration"].get("query", {})
    if "query" not in query or job["configuration"].get("dryRun"):
        return None
    return parse_dml(query["query"], project)


def _replay(body: bytes, receive: Receive) -> Receive:
    """`receive` with the body that was read already in front."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> MutableMapping[str, Any]:
        return messages.pop() if messages else await receive()

    return replay


def _parse(scope: Scope, body: bytes) -> Json:
    job = _decode(scope, body)
    if not isinstance(job.get("configuration"), dict):
        raise ValidationError("The body must be a job with a configuration")
    return job


def _decode(scope: Scope, body: bytes) -> Json:
    if dict(scope["headers"]).get(b"content-encoding") == b"gzip":
        body = gzip.decompress(body)
    decoded = json.loads(body)
    if not isinstance(decoded, dict):
        raise ValidationError("The body must be a JSON object")
    return decoded
