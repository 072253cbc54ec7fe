"""Terraform, run offline in `deploy/`."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).parents[2] / "deploy"
TERRAFORM = shutil.which("terraform")


def terraform(*arguments: str, cwd: Path, stdin: str = "", **environment: str) -> str:
    """What a terraform command prints. Raises CalledProcessError with what it printed until it failed."""
    assert TERRAFORM is not None
    done = subprocess.run(
        [TERRAFORM, *arguments],
        cwd=cwd,
        input=stdin,
        env={**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
        error.add_note(done.stderr)
        raise error
    return done.stdout


def evaluate(expression: str, cwd: Path) -> Any:
    """The value of an expression in a module that needs no provider."""
    return json.loads(json.loads(terraform("console", cwd=cwd, stdin=f"jsonencode({expression})\n")))
