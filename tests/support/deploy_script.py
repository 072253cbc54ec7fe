"""`deploy.sh`, whose dry run tells what it would do."""

import shlex
import subprocess
from functools import cache

from support.terraform import DEPLOY


@cache
def commands(*options: str) -> list[list[str]]:
    """The commands that the script would run, as their words."""
    done = subprocess.run(
        [DEPLOY / "deploy.sh", "--project", "demo", "--dry-run", *options],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [shlex.split(line) for line in done.stdout.splitlines()]
