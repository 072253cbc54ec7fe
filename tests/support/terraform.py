"""Terraform, run offline in `deploy/`."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).parents[2] / "deploy"
TERRAFORM = shutil.which("terraform")

_UNNEEDED = shutil.ignore_patterns(".terraform*", "terraform.tfstate*", "__pycache__", "local")


def copied(folder: Path) -> Path:
    """A copy of `deploy/` and what it is made from, with its state in a file instead of a bucket."""
    root = DEPLOY.parent
    shutil.copytree(root / "cbi", folder / "cbi", ignore=_UNNEEDED)
    shutil.copy(root / "main.py", folder)
    copy = shutil.copytree(DEPLOY, folder / "deploy", ignore=_UNNEEDED)
    (copy / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    return copy


def planned(folder: Path, environment: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    """The plan of a first apply with these variables, as `terraform show -json` tells it."""
    file = folder.parent / "plan"
    variables = [f"-var={name}={json.dumps(value).strip(chr(34))}" for name, value in options.items()]
    terraform("init", "-reconfigure", "-input=false", cwd=folder, **environment)
    terraform("plan", "-input=false", "-lock=false", f"-out={file}", *variables, cwd=folder, **environment)
    shown: dict[str, Any] = json.loads(terraform("show", "-json", str(file), cwd=folder, **environment))
    return shown


def values(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is known of each resource that a plan makes, by its address."""
    resources = plan["planned_values"]["root_module"]["resources"]
    return {each["address"]: each.get("values", {}) for each in resources}


def replace(file: Path, old: str, new: str) -> None:
    """Put something else in a file's place of `old`, which must be there."""
    text = file.read_text()
    assert old in text, f"{file.name} has no {old!r}"
    file.write_text(text.replace(old, new, 1))


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
        timeout=60,
    )
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
        error.add_note(done.stderr)
        raise error
    return done.stdout


def evaluate(expression: str, cwd: Path, *options: str) -> Any:
    """The value of an expression in a module that needs no provider."""
    return json.loads(
        json.loads(terraform("console", *options, cwd=cwd, stdin=f"jsonencode({expression})\n"))
    )
