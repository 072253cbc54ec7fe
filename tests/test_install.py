"""`make install`: a command `cbi` that runs from anywhere, with completion."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cbi

ROOT = Path(__file__).parents[1]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """An environment like this one, and the command installed into it, linked from another folder."""
    environment = tmp_path / "an environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin/python").symlink_to(sys.executable)
    (environment / "lib").symlink_to(Path(sys.prefix, "lib"))
    shutil.copy(Path(sys.prefix, "pyvenv.cfg"), environment)
    venv = tmp_path / "venv"  # make takes a space for the end of a name
    venv.symlink_to(environment)
    (venv / "for-running").touch()
    command = ["make", "--old-file", f"{venv}/for-running", "install", f"VENV={venv}", f"BIN={tmp_path}/bin"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/bin/cbi is there" in done.stdout
    return tmp_path


def run(installed: Path, *arguments: str, **environment: str) -> str:
    command = [f"{installed}/bin/cbi", *arguments]
    done = subprocess.run(
        command,
        cwd=installed,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow("the command starts six times")
def test_it_runs_from_anywhere_and_completes_words(installed: Path) -> None:
    assert run(installed, "--version") == f"cbi, version {cbi.__version__}\n"
    assert "Usage: cbi [OPTIONS]" in run(installed, "-h")
    words = run(installed, _CBI_COMPLETE="bash_complete", COMP_WORDS="cbi un", COMP_CWORD="1")
    assert words == "plain,undo\n"
    for shell in ("bash", "zsh", "fish"):
        script = (installed / f"venv/share/cbi/completion.{shell}").read_text()
        assert "_CBI_COMPLETE" in script
