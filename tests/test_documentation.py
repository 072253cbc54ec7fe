"""README.md names everything there is to name, and shows a report as reports are."""

import json
import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
from support.reports import validate_report

from cbi.cli import COMMANDS, main
from cbi.contract.feed import Contract
from cbi.enrichments.registry import ENRICHMENTS
from cbi.errors import Reason
from cbi.runs.report import SCHEMA_FILE
from cbi.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented_and_has_help(command: str) -> None:
    assert f"`python -m cbi {command}" in README
    found = main.get_command(click.Context(main), command)
    assert found is not None
    assert found.help


@pytest.mark.parametrize("setting", [each.name.upper() for each in fields(Settings)])
def test_every_setting_is_documented(setting: str) -> None:
    assert f"`{setting}`" in README


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_documented_and_in_the_schema(reason: Reason) -> None:
    assert f"\n| `{reason}` |" in README
    assert reason in json.loads(SCHEMA_FILE.read_text())["$defs"]["Reason"]["enum"]


@pytest.mark.parametrize("key", Contract.__struct_fields__)
def test_every_key_of_a_feed_is_documented(key: str) -> None:
    assert f"\n| `{key}` |" in README


@pytest.mark.parametrize("enrichment", sorted(ENRICHMENTS))
def test_every_enrichment_is_documented(enrichment: str) -> None:
    assert f"`{enrichment}`" in README


def test_the_report_shown_is_one() -> None:
    (sample,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    validate_report(json.loads(sample))


DOCUMENTS = ["README.md", "deploy/README.md", "cbi/ARCHITECTURE.md", ".github/CONTRIBUTING.md"]

# A file or folder of this repository: by its path from the top, or by its name where it lies there.
PATH = re.compile(r"`((?:cbi|deploy|tests|\.ci|\.github)/[\w./-]*|[\w.-]+\.(?:py|txt|yaml)|Makefile)`")

# What `make lock-providers` makes, where the providers can be had.
MADE_LATER = {"deploy/.terraform.lock.hcl"}


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def make_targets() -> set[str]:
    return set(re.findall(r"^## ([a-z-]+) ", read("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_named_is_there(document: str) -> None:
    assert set(re.findall(r"`make ([a-z-]+)", read(document))) <= make_targets()


def test_every_make_target_is_documented() -> None:
    named = {target for document in DOCUMENTS for target in re.findall(r"make ([a-z-]+)", read(document))}
    assert make_targets() - named == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_named_is_there(document: str) -> None:
    folders = [ROOT, (ROOT / document).parent]
    named = {name for name in PATH.findall(read(document)) if not re.search("NAME|ROOM", name)}
    missing = {name for name in named if not any((folder / name).exists() for folder in folders)}
    assert named
    assert missing <= MADE_LATER
