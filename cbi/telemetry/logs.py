"""Logs: one JSON object a line where Cloud Run collects them, readable text on a terminal.

A line says what happened, never what is about to, and holds no value of the data.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from cbi.settings import on_cloud_run

_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=MappingProxyType({}))

LABELS = "logging.googleapis.com/labels"
TRACE = "logging.googleapis.com/trace"


@contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Add fields, such as `run_id`, to every line that is logged inside the block."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class JsonFormatter(logging.Formatter):
    """A line in Cloud Logging's fields: https://cloud.google.com/logging/docs/structured-logging

    What a call passes as `extra={"fields": {…}}` is added, and `run_id` and `feed` are labels too, by which
    the lines of a run can be found.
    """

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        context = dict(_context.get())
        trace = context.pop("trace", None)
        line: dict[str, Any] = {"severity": record.levelname, "message": message, "logger": record.name}
        line |= context | getattr(record, "fields", {})
        if labels := {name: context[name] for name in ("run_id", "feed") if name in context}:
            line[LABELS] = labels
        if trace is not None:
            line[TRACE] = trace
        return json.dumps(line, ensure_ascii=False, default=str)


def trace_fields(header: str | None, project: str | None) -> dict[str, str]:
    """The field that ties a line to its request's trace, of a `traceparent` or `X-Cloud-Trace-Context`
    header.

    https://www.w3.org/TR/trace-context/#traceparent-header and
    https://cloud.google.com/trace/docs/trace-context#legacy-http-header
    """
    if not header or not project:
        return {}
    identity = header.split("/")[0] if "/" in header else [*header.split("-"), ""][1]
    return {"trace": f"projects/{project}/traces/{identity}"} if identity else {}


def configure_logging() -> None:
    """Send this package's log lines to standard error, in the form of the place it runs in."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(JsonFormatter() if on_cloud_run() else text)
    logger = logging.getLogger("cbi")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
