"""Spans of a run's steps, where an OpenTelemetry endpoint is configured; nothing is loaded where none is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cbi.settings import tracing_endpoint

if TYPE_CHECKING:
    import requests
    from opentelemetry.sdk.trace import TracerProvider

# Cloud Trace takes spans in OpenTelemetry's own form: https://cloud.google.com/trace/docs/otlp
_CLOUD_TRACE = "telemetry.googleapis.com"


@contextmanager
def span(name: str) -> Iterator[None]:
    """Make a block a span, inside the one around it."""
    provider = _provider()
    if provider is None:
        yield
        return
    with provider.get_tracer("cbi").start_as_current_span(name):
        yield


def past_span(name: str, seconds: float) -> None:
    """Make a span of what ends now and began `seconds` ago, inside the one around it."""
    if (provider := _provider()) is not None:
        end = time.time_ns()
        started = provider.get_tracer("cbi").start_span(name, start_time=end - int(seconds * 1e9))
        started.end(end)


def flush_spans() -> None:
    """Send what has ended: between events an instance may have no processor time to do it."""
    if (provider := _provider()) is not None:
        provider.force_flush()


@cache
def _provider() -> "TracerProvider | None":
    endpoint = tracing_endpoint()
    if endpoint is None:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(session=_session(endpoint))))
    return provider


def _session(endpoint: str) -> "requests.Session | None":
    """For Cloud Trace, a session that says who the function is."""
    if urlsplit(endpoint).hostname != _CLOUD_TRACE:
        return None
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/trace.append"])
    return AuthorizedSession(credentials)
