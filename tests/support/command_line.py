"""`python -m cbi`, run as a user runs it, or in a process that need not import everything first."""

import atexit
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from support.cloud import Cloud
from support.function_process import ROOT, FunctionProcess, function_process


@cache
def _processes() -> FunctionProcess:
    """Where commands are forked, until this process ends."""
    until_exit = ExitStack()
    atexit.register(until_exit.close)
    logs = until_exit.enter_context(TemporaryDirectory())
    return until_exit.enter_context(function_process(ROOT, {}, Path(logs)))


def cbi(*arguments: str | Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command with just this environment."""
    return _processes().run_alone(*map(str, arguments), environment=environment)


def cbi_from_scratch(
    *arguments: str | Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """The same by a new interpreter, as a user does."""
    command = [sys.executable, "-m", "cbi", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def cbi_on(cloud: Cloud, *arguments: str | Path, code: int = 0) -> str:
    """Run a command on a project, see that it exits with `code`, and give what it says then."""
    done = cbi(*arguments, environment=cloud.environment)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr
