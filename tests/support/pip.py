"""Environments with other versions of pip than this one's."""

import subprocess
import sys
from pathlib import Path

# The pip that the first release of each supported Python brings (Lib/ensurepip/__init__.py).
OLDEST_PIP = {(3, 11): "22.3", (3, 12): "23.2.1", (3, 13): "24.2"}


def environment_with_pip(folder: Path, version: str | None) -> list[str]:
    """Make an environment with a version of pip, or the newest, and give the command that installs there."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    python = str(folder / "bin" / "python")
    install = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    wanted = "pip" if version is None else f"pip=={version}"
    subprocess.run([*install, "--upgrade", wanted], check=True, timeout=120)
    return install
