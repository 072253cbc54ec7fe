"""Logs are JSON lines where Cloud Run collects them, and text on a terminal."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cbi.telemetry.logs import trace_fields

ROOT = Path(__file__).parents[2]

PROGRAM = """
import logging
from cbi.telemetry.logs import configure_logging, log_context

configure_logging()
configure_logging()
log = logging.getLogger("cbi.somewhere")
log.debug("too much")
with log_context(run_id="0a1b", feed="prices", trace="projects/p/traces/t"):
    log.info("%s rows — loaded", 5, extra={"fields": {"event": "run_finished", "rows": 5}})
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
logging.getLogger("another.library").info("not ours")
"""


def logged(**environment: str) -> str:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == ""
    return done.stderr


def test_on_cloud_run_each_line_is_one_json_object() -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in logged(K_SERVICE="ingest").splitlines()]
    assert [line["severity"] for line in lines] == ["INFO", "ERROR"]
    assert lines[0] == {
        "severity": "INFO",
        "message": "5 rows — loaded",
        "logger": "cbi.somewhere",
        "run_id": "0a1b",
        "feed": "prices",
        "event": "run_finished",
        "rows": 5,
        "logging.googleapis.com/labels": {"run_id": "0a1b", "feed": "prices"},
        "logging.googleapis.com/trace": "projects/p/traces/t",
    }


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        ("105445aa7843bc8bf206b12000100000/1;o=1", "105445aa7843bc8bf206b12000100000"),
    ],
)
def test_the_trace_of_a_request_is_named_in_full(header: str, trace: str) -> None:
    assert trace_fields(header, "p") == {"trace": f"projects/p/traces/{trace}"}


@pytest.mark.parametrize(("header", "project"), [(None, "p"), ("", "p"), ("x", "p"), ("00-1-2-3", None)])
def test_without_a_trace_there_is_none(header: str | None, project: str | None) -> None:
    assert trace_fields(header, project) == {}


def test_an_exception_is_in_its_line_with_its_traceback() -> None:
    last = json.loads(logged(K_SERVICE="ingest").splitlines()[-1])
    assert last["message"].startswith("failed\nTraceback (most recent call last):")
    assert last["message"].endswith("ZeroDivisionError: division by zero")


def test_on_a_terminal_lines_are_text() -> None:
    first = logged().splitlines()[0]
    assert first.endswith("INFO 5 rows — loaded")
