"""`make serve`: a line for each file, pages in a browser, sweeps of itself, and ports that are said."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from support.cloud import Cloud
from support.command_line import cbi
from support.tables import to_parquet

from cbi.local.sample import sample_table
from cbi.local.stack import Stack

ROOT = Path(__file__).parents[2]
LAST = date(2026, 11, 20)

pytestmark = pytest.mark.servers


@contextmanager
def served(folder: Path) -> Iterator[tuple[Cloud, Path]]:
    """A served stack, and the file that it tells of files in."""
    told = folder / "told"
    command = [sys.executable, "-m", "cbi", "local", "--port", "0", "--data-dir", str(folder / "data")]
    with told.open("w") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True)
    try:
        assert process.stdout is not None
        yield Cloud.of_stack(Stack(**json.loads(process.stdout.readline()))), told
    finally:
        process.terminate()
        process.wait(30)


def wait_for(what: Any, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)
    return found


def test_each_file_is_told_of_and_the_sweep_comes_by_itself(tmp_path: Path) -> None:
    with served(tmp_path) as (cloud, told):

        def lines() -> list[str]:
            return [line.split("  ", 1)[-1] for line in told.read_text().splitlines()]

        wait_for(lambda: any("What becomes of each file" in line for line in lines()))
        cloud.drop(to_parquet(sample_table(7, LAST)), "staged/good.parquet")
        cloud.drop(b"x", "staged/bad.parquet")
        cloud.drop(b"x", "staged/other.csv")
        for begin in (
            "dropped  staged/good.parquet",
            "loaded   staged/good.parquet: 7 rows, ",
            "failed   staged/bad.parquet: the file has 1 bytes, too few for parquet",
            "dropped  staged/other.csv: ignored",
        ):
            wait_for(lambda begin=begin: any(line.startswith(begin) for line in lines()))
        wait_for(lambda: cloud.storage.bucket(cloud.output_bucket).get_blob("index.html"))
        host = cloud.environment["STORAGE_EMULATOR_HOST"]
        with urlopen(f"{host}/", timeout=30) as page:
            assert page.headers.get_content_type() == "text/html"
            assert b"<title>Runs</title>" in page.read()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = cbi("local", "--port", str(port), "--data-dir", tmp_path, environment={})
    assert done.returncode == 1
    assert f"port {port} is taken by another program" in done.stderr
    assert "Traceback" not in done.stderr
