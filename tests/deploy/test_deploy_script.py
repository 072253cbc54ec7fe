"""`deploy.sh --dry-run`, held against gcloud itself and against what Terraform makes."""

import json
import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
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
def test_gcloud_takes_every_command(options: tuple[str, ...]) -> None:
    assert parse_with_gcloud([words for words in commands(*options) if words[0] == "gcloud"]) == ""


@pytest.mark.skipif(GCLOUD is None, reason="gcloud is not installed")
def test_gcloud_says_which_word_it_does_not_take() -> None:
    assert "--speed" in parse_with_gcloud([["gcloud", "pubsub", "topics", "create", "x", "--speed=9"]])


def test_a_dry_run_prints_every_step_and_runs_none() -> None:
    steps = [" ".join(words[:4]) for words in commands()]
    assert {words[0] for words in commands()} == {"gcloud", "bq", "env"}
    for step in ("gcloud functions deploy cbi-ingest", "gcloud eventarc triggers create"):
        assert step in steps


def test_without_a_project_it_says_what_is_missing() -> None:
    done = subprocess.run([DEPLOY / "deploy.sh"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--project is missing" in done.stderr


def roles_of_script() -> set[tuple[str, str]]:
    text = "\n".join(" ".join(words) for words in commands())
    found = re.findall(r"--role=(\S+) --member=serviceAccount:(\S+)", text)
    granted = re.findall(r"GRANT `(\S+)` ON SCHEMA `\S+` TO 'serviceAccount:(\S+)'", text)
    return {(member.partition("@")[0], role) for role, member in [*found, *granted]}


def roles_of_terraform() -> set[tuple[str, str]]:
    agents = {
        "data.google_storage_project_service_account.agent.member": "STORAGE_AGENT",
        "local.pubsub_agent": "service-NUMBER",
    }
    text = (DEPLOY / "accounts.tf").read_text()
    found = re.findall(r'^  role\s+= "([^"]+)"\n  member\s+= (\S+)$', text, re.MULTILINE)
    own = re.compile(r"google_service_account\.(\w+)\.member")
    return {
        (f"cbi-{name[1]}" if (name := own.fullmatch(member)) else agents[member], role)
        for role, member in found
        if member != "each.value"  # the agents' use of a customer's key, which the script does not offer
    }


def roles_of_readme() -> set[tuple[str, str]]:
    rows = re.findall(
        r"^\| `?([^|`]+?)`? \| `(roles/[\w.]+)` \|", (DEPLOY / "README.md").read_text(), re.MULTILINE
    )
    agents = {"Cloud Storage agent": "STORAGE_AGENT", "Pub/Sub agent": "service-NUMBER"}
    return {(agents.get(account, account), role) for account, role in rows}


def test_script_terraform_and_readme_give_the_same_roles() -> None:
    assert roles_of_script() == roles_of_terraform()
    assert roles_of_readme() == roles_of_terraform()


def test_nobody_is_an_editor_and_nothing_is_public() -> None:
    assert not {role for _, role in roles_of_terraform()} & {"roles/editor", "roles/owner", "roles/viewer"}
    for path in [DEPLOY / "deploy.sh", *Path(DEPLOY).glob("*.tf")]:
        assert not re.search("allUsers|allAuthenticatedUsers", path.read_text()), path


def test_both_ways_make_the_same_function() -> None:
    (deploy,) = [words for words in commands() if words[:3] == ["gcloud", "functions", "deploy"]]
    flags = dict(word.removeprefix("--").partition("=")[::2] for word in deploy if word.startswith("--"))
    variables = re.findall(
        r'variable "(\w+)" \{.*?\n  default\s+= "?([^"\n]+)', (DEPLOY / "variables.tf").read_text(), re.DOTALL
    )
    defaults = dict(variables)
    function = (DEPLOY / "function.tf").read_text()
    assert flags["memory"] == defaults["memory"]
    assert flags["cpu"] == defaults["cpu"]
    assert flags["concurrency"] == defaults["concurrency"]
    assert (flags["min-instances"], flags["max-instances"]) == (
        defaults["min_instances"],
        defaults["max_instances"],
    )
    assert f'runtime           = "{flags["runtime"]}"' in function
    assert f"timeout_seconds                  = {flags['timeout'].removesuffix('s')} " in function
    environment = dict(pair.split("=") for pair in flags["set-env-vars"].split(","))
    assert set(environment) == set(re.findall(r"^      ([A-Z_]+) +=", function, re.MULTILINE))
