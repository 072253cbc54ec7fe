"""`python -m cbi`, run as a user runs it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.cloud import Cloud

ROOT = Path(__file__).parents[2]


def cbi(
    *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command with just this environment, or this process's own."""
    command = [sys.executable, "-m", "cbi", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def cbi_on(cloud: Cloud, *arguments: str | Path, code: int = 0) -> str:
    """Run a command on a project, see that it exits with `code`, and give what it says then."""
    done = cbi(*arguments, environment=cloud.environment)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr
