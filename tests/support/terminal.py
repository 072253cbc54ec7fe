"""A command run on a terminal, as a person runs it."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def cbi_on_terminal(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, code: int = 0
) -> str:
    """Run a command whose output is a terminal, see that it exits with `code`, and give what that shows."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cbi", *map(str, arguments)]
    screen = {"TERM": "xterm-256color", "COLUMNS": "120", **(environment or {})}
    process = subprocess.Popen(command, cwd=ROOT, env=screen, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    shown = bytearray()
    try:
        while block := os.read(ours, 65_536):
            shown += block
    except OSError:
        pass  # how Linux tells that the other end is closed
    finally:
        os.close(ours)
    text = shown.decode().replace("\r\n", "\n")
    assert process.wait(60) == code, text
    return text


def plain(text: str) -> str:
    """What is shown without its colours."""
    return _ESCAPES.sub("", text)
