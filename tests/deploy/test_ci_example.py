"""The example of deploying from CI asks for what there is."""

import re
import subprocess

import yaml
from support.terraform import DEPLOY

EXAMPLE = yaml.safe_load((DEPLOY / "ci-example.yaml").read_text())
STEPS = EXAMPLE["jobs"]["deploy"]["steps"]


def test_it_runs_commands_of_the_makefile() -> None:
    commands = [step["run"] for step in STEPS if "run" in step]
    assert [command.split()[:2] for command in commands] == [["make", "plan"], ["make", "deploy"]]
    for command in commands:
        line = command.replace("$PROJECT", "demo")
        done = subprocess.run(
            [*line.split(), "--dry-run", "-o", ".venv/installed"],
            cwd=DEPLOY.parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert "deploy/bootstrap.sh --project demo" in done.stdout
        assert ("apply -auto-approve" in done.stdout) == ("APPROVE=yes" in command)


def test_it_has_no_key_and_may_have_a_token() -> None:
    assert EXAMPLE["permissions"] == {"contents": "read", "id-token": "write"}
    (login,) = [step["with"] for step in STEPS if "auth@" in step.get("uses", "")]
    assert set(login) == {"workload_identity_provider", "service_account"}


def test_it_installs_the_components_that_the_scripts_use() -> None:
    scripts = "\n".join(path.read_text() for path in DEPLOY.glob("*.sh"))
    (setup,) = [step["with"] for step in STEPS if "setup-gcloud@" in step.get("uses", "")]
    assert set(re.findall(r"gcloud (alpha|beta) ", scripts)) == {setup["install_components"]}
