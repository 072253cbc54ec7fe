"""What is uploaded is enough for the function, and no more."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.pip import OLDEST_PIP, environment_with_pip
from support.terraform import DEPLOY, TERRAFORM, evaluate

ROOT = DEPLOY.parent
GCLOUD = shutil.which("gcloud")


def uploaded_files() -> set[str]:
    """What .gcloudignore leaves, by git, whose rules gcloud's are."""

    def listed(*options: str) -> set[str]:
        command = ["git", "ls-files", "--cached", "--others", *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        return {path for path in done.stdout.splitlines() if (ROOT / path).exists()}

    return listed() - listed("--ignored", "--exclude-from=.gcloudignore")


def test_only_the_function_is_uploaded() -> None:
    files = uploaded_files()
    assert {
        "main.py",
        "requirements.txt",
        "cbi/feeds/daily_ml_matrix.yaml",
        "cbi/runs/report.schema.json",
    } <= files
    assert {path for path in files if "/" not in path} == {"main.py", "requirements.txt"}
    assert {path.partition("/")[0] for path in files if "/" in path} == {"cbi"}
    assert not [path for path in files if path.startswith("cbi/local/") or path.endswith(".pyc")]


@pytest.mark.skipif(GCLOUD is None, reason="gcloud is not installed")
def test_gcloud_uploads_the_same() -> None:
    command = ["gcloud", "meta", "list-files-for-upload", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.splitlines()) == uploaded_files()


@pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")
def test_terraform_uploads_the_same() -> None:
    assert {*evaluate("local.source_files", DEPLOY / "inputs"), "requirements.txt"} == uploaded_files()


@pytest.mark.servers
def test_an_empty_environment_with_the_uploaded_source_serves_an_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, environment = tmp_path / "source", tmp_path / "venv"
    for path in uploaded_files():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, source / path)
    shutil.copy(DEPLOY / "requirements.lock", source / "requirements.txt")
    install = environment_with_pip(environment, OLDEST_PIP[sys.version_info[:2]])
    subprocess.run([*install, "-r", source / "requirements.txt"], check=True, timeout=600)
    python = environment / "bin" / "python"

    (packages,) = (environment / "lib").glob("python*/site-packages")
    # pip comes with every environment and is no part of what is deployed.
    files = [
        path
        for path in packages.rglob("*")
        if path.is_file() and "pip" not in path.relative_to(packages).parts
    ]
    size = sum(path.stat().st_size for path in files if path.suffix != ".pyc")
    started = time.monotonic()
    subprocess.run([python, "-c", "import main"], cwd=source, check=True, timeout=60)
    seconds = time.monotonic() - started
    with capsys.disabled():
        print(f"\ninstalled: {size / 2**20:.0f} MiB; import of main: {seconds:.1f} s")

    with served(source, environment) as url:
        assert post(url, "staged/notes.txt") == 200


@contextmanager
def served(source: Path, environment: Path) -> Iterator[str]:
    """The function as Cloud Run starts it: without credentials, and as the HTTP function that it is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            environment / "bin" / "functions-framework",
            "--target=ingest",
            f"--port={port}",
            "--host=127.0.0.1",
        ],
        cwd=source,
        env={
            "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "K_SERVICE": "cbi-ingest",
            "FUNCTION_SIGNATURE_TYPE": "http",
            "STAGING_BUCKET": "staging",
            "OUTPUT_BUCKET": "output",
        },
    )
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(30)


def post(url: str, name: str) -> int:
    """Post the event of a finalised object until the server is up, and give the answer's status."""
    headers = {
        "Content-Type": "application/json",
        "ce-id": "1",
        "ce-source": "//storage.googleapis.com/projects/_/buckets/staging",
        "ce-specversion": "1.0",
        "ce-type": "google.cloud.storage.object.v1.finalized",
    }
    data = json.dumps({"bucket": "staging", "name": name, "generation": "1"}).encode()
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, "the function did not come up within 60 s"
            time.sleep(0.1)
