"""What `deploy.sh` and `bootstrap.sh` would run, held against gcloud itself."""

import json
import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from support.deploy_script import commands
from support.terraform import DEPLOY

GCLOUD = shutil.which("gcloud")

# Runs in gcloud's own Python: its command tree parses each command as it would before running it.
PARSE = """
import json, sys
root, commands = sys.argv[1], json.load(sys.stdin)
sys.path[:0] = [root + "/lib", root + "/lib/third_party"]
from googlecloudsdk import gcloud_main
cli = gcloud_main.CreateCLI([])
for command in commands:
    cli._CLI__parser.parse_args(command[1:])
"""


@cache
def gcloud_root_and_python() -> list[str]:
    """The folder of gcloud and the interpreter it runs in."""
    assert GCLOUD is not None
    wanted = "--format=value(installation.sdk_root,basic.python_location)"
    found = subprocess.run([GCLOUD, "info", wanted], capture_output=True, text=True, check=True, timeout=60)
    return found.stdout.split()


def parse_with_gcloud(words: list[list[str]]) -> str:
    """What gcloud has against commands; nothing is run and nothing is asked over the network."""
    root, python = gcloud_root_and_python()
    done = subprocess.run(
        [python, "-c", PARSE, root], input=json.dumps(words), capture_output=True, text=True, timeout=60
    )
    return done.stderr if done.returncode else ""


@pytest.mark.skipif(GCLOUD is None, reason="gcloud is not installed")
@pytest.mark.parametrize("options", [(), ("--region", "europe-west1", "--data-location", "EU")])
@pytest.mark.slow("gcloud starts for each command")
def test_gcloud_takes_every_command(options: tuple[str, ...]) -> None:
    assert parse_with_gcloud([words for words in commands(*options) if words[0] == "gcloud"]) == ""


@pytest.mark.skipif(GCLOUD is None, reason="gcloud is not installed")
@pytest.mark.slow("gcloud takes a second to start")
def test_gcloud_says_which_word_it_does_not_take() -> None:
    assert "--speed" in parse_with_gcloud([["gcloud", "pubsub", "topics", "create", "x", "--speed=9"]])


def test_a_dry_run_prints_every_step_and_runs_none() -> None:
    steps = [" ".join(words[:4]) for words in commands()]
    assert {words[0] for words in commands()} == {"gcloud", "bq", "env", "sleep"}
    for step in ("gcloud functions deploy cbi-ingest", "gcloud eventarc triggers create"):
        assert step in steps


def test_without_a_project_it_says_what_is_missing() -> None:
    done = subprocess.run([DEPLOY / "deploy.sh"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--project is missing" in done.stderr


def test_no_grant_comes_after_what_needs_it() -> None:
    text = [" ".join(words) for words in commands()]

    def first(pattern: str) -> int:
        return next(number for number, line in enumerate(text) if re.search(pattern, line))

    def last(pattern: str) -> int:
        return max(number for number, line in enumerate(text) if re.search(pattern, line))

    assert last("services enable") < last("services identity create") < first("service-accounts create")
    assert last("service-accounts create") < first("add-iam-policy-binding|GRANT")
    function, trigger = first("functions deploy"), first("eventarc triggers create")
    assert last("serviceAccount:cbi-(runtime|build)@") < first("^sleep 60$") < function
    assert last("serviceAccount:(cbi-trigger@|STORAGE_AGENT|.*gcp-sa-eventarc)") < trigger
    assert last("serviceAccount:cbi-scheduler@.*") < first("scheduler jobs")
    assert last("serviceAccount:.*gcp-sa-pubsub") < first("pubsub subscriptions update")


@pytest.mark.slow("gcloud takes a second to start")
def test_bootstrap_is_what_gcloud_takes(tmp_path: Path) -> None:
    if GCLOUD is None:
        pytest.skip("gcloud is not installed")
    assert parse_with_gcloud([words for words in bootstrap() if words[0] == "gcloud"]) == ""


def test_bootstrap_makes_a_bucket_with_versions_where_the_project_says(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    (root / "deploy" / "projects").mkdir(parents=True)
    for name in ("bootstrap.sh", "lib.sh"):
        shutil.copy(DEPLOY / name, root / "deploy")
    key = "projects/keys/locations/us/keyRings/r/cryptoKeys/k"
    settings = f'region = "us-east1"\ndata_location   = "US" # of two\nkms_key = "{key}"\n'
    (root / "deploy" / "projects" / "demo.tfvars").write_text(settings)
    text = [" ".join(words) for words in bootstrap(root / "deploy")]
    (create,) = [line for line in text if "buckets create" in line]
    assert "gs://demo-cbi-terraform" in create
    assert "--location=US " in create
    assert create.endswith(f"--default-encryption-key={key}")
    assert any(line.endswith(f"--authorize-cmek={key}") for line in text)
    assert text[-1] == "gcloud storage buckets update gs://demo-cbi-terraform --versioning"


def bootstrap(deploy: Path = DEPLOY) -> list[list[str]]:
    command = [str(deploy / "bootstrap.sh"), "--project", "demo", "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [shlex.split(line) for line in done.stdout.splitlines()]
