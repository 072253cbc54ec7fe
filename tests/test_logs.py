"""Logs are JSON lines where Cloud Run collects them, and text on a terminal."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

PROGRAM = """
import logging
from cbi.logs import configure_logging

configure_logging()
configure_logging()
log = logging.getLogger("cbi.somewhere")
log.debug("too much")
log.info("%s rows — loaded", 5, extra={"run_id": "0a1b"})
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
    }


def test_an_exception_is_in_its_line_with_its_traceback() -> None:
    last = json.loads(logged(K_SERVICE="ingest").splitlines()[-1])
    assert last["message"].startswith("failed\nTraceback (most recent call last):")
    assert last["message"].endswith("ZeroDivisionError: division by zero")


def test_on_a_terminal_lines_are_text() -> None:
    first = logged().splitlines()[0]
    assert first.endswith("INFO 5 rows — loaded")
