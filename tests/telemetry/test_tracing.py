"""The steps of a run are spans where an endpoint takes them, and cost nothing where none does."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from cbi.telemetry.timings import Timings
from cbi.telemetry.tracing import flush_spans, span

with span("ingest"), Timings().step("validate"):
    pass
flush_spans()
print([name for name in sys.modules if name.startswith("opentelemetry.")])
"""


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A server that takes spans: its URL, and what it has been sent."""
    sent: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", sent
    server.shutdown()


def run(**environment: str) -> str:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_each_step_is_a_span_inside_that_of_its_run() -> None:
    with collector() as (url, sent):
        run(OTEL_EXPORTER_OTLP_ENDPOINT=url)
        (request,) = sent
    spans = {span.name: span for span in request.resource_spans[0].scope_spans[0].spans}
    assert set(spans) == {"ingest", "validate"}
    assert spans["validate"].parent_span_id == spans["ingest"].span_id


def test_without_an_endpoint_nothing_of_it_is_loaded() -> None:
    assert run() == "[]"
