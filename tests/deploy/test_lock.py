"""The lock holds what the function needs, for every pip and every Python it may meet."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.pip import OLDEST_PIP, environment_with_pip
from support.terraform import DEPLOY

ROOT = DEPLOY.parent
LOCK = DEPLOY / "requirements.lock"


@cache
def locked() -> dict[str, Requirement]:
    """The requirement that the lock has of each package, without its hashes."""
    found = re.findall(r"^(\w[^\\\n]*?) \\$", LOCK.read_text(), re.MULTILINE)
    return {canonicalize_name(each.name): each for each in map(Requirement, found)}


def supported_pythons() -> list[str]:
    (line,) = re.findall(r"^PYTHONS = (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return str(line).split()


def test_it_has_every_requirement_in_a_version_it_allows() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    for requirement in [Requirement(line) for line in lines if line and not line.startswith("#")]:
        found = locked().get(canonicalize_name(requirement.name))
        assert found is not None, f"{requirement} is not in deploy/requirements.lock: run `make lock`"
        version = str(found.specifier).removeprefix("==")
        assert version in requirement.specifier, f"the lock has {found} of {requirement}: run `make lock`"


def test_every_package_has_its_hashes() -> None:
    for package in re.split(r"\n(?=\w)", LOCK.read_text()):
        assert "--hash=sha256:" in package, package


@pytest.mark.servers
def test_the_newest_pip_takes_it(tmp_path: Path) -> None:
    # the oldest installs it before test_uploaded_source.py calls the function
    install = environment_with_pip(tmp_path, None)
    options = ["--dry-run", "--ignore-installed", "--require-hashes"]
    done = subprocess.run([*install, *options, "-r", LOCK], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def test_the_function_runs_on_a_supported_python() -> None:
    (runtime,) = re.findall(r'runtime +=\s"python(\d)(\d+)"', (DEPLOY / "function.tf").read_text())
    assert ".".join(runtime) in supported_pythons()


def test_the_oldest_pip_of_every_supported_python_is_known() -> None:
    assert [".".join(map(str, version)) for version in OLDEST_PIP] == supported_pythons()
