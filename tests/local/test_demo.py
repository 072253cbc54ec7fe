"""`make run`, which is the first that anybody sees."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.servers


def demo(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cbi.local.demo", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)


def test_a_sample_goes_the_whole_way(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    done = demo("--out", out)
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text())["rows_loaded"] == 100
    for part in (
        "dropped gs://cbi-staging/staged/sample.parquet",
        "load into BigQuery",
        "success: 100 rows are loaded into features.daily_ml_matrix.",
        "the last 3 rows of it in features.daily_ml_matrix:",
        "make serve",
    ):
        assert part in done.stdout
    assert len(done.stdout.splitlines()) <= 30  # one screen
    assert "\x1b" not in done.stdout


def test_a_file_that_fails_ends_with_1_and_its_report(tmp_path: Path) -> None:
    file = tmp_path / "broken.parquet"
    file.write_bytes(b"not parquet")
    done = demo("--file", file)
    assert done.returncode == 1, done.stderr
    assert "failed: " in done.stdout
    assert "write the file again, then drop it again" in done.stdout
