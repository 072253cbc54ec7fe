"""`ingest` follows the function's run where there is one, and says what it waits for."""

import json
import socket
import time
from datetime import date
from pathlib import Path

from support.cloud import Cloud
from support.command_line import cbi

LAST = date(2026, 11, 20)


def test_a_local_file_is_left_to_the_function(cloud: Cloud, sample: Path) -> None:
    done = cbi("ingest", sample, environment=cloud.environment)
    assert json.loads(done.stdout)["rows_loaded"] == 10
    assert f"waiting for the function's report of gs://cbi-staging/staged/{sample.name} …" in done.stderr
    assert "load:" not in done.stderr


def test_here_runs_it_in_this_process(cloud: Cloud, sample: Path) -> None:
    done = cbi("ingest", sample, "--here", environment=cloud.environment)
    assert json.loads(done.stdout)["rows_loaded"] == 10
    assert f"running gs://cbi-staging/staged/{sample.name} …" in done.stderr


def test_quiet_says_nothing_but_the_result(cloud: Cloud, sample: Path) -> None:
    done = cbi("ingest", sample, "--here", "-q", environment=cloud.environment)
    assert json.loads(done.stdout)["rows_loaded"] == 10
    assert done.stderr == ""


def test_a_service_that_cannot_be_reached_is_told_at_once(sample: Path) -> None:
    import subprocess
    import sys

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, not listening: refused
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        environment = {
            "STORAGE_EMULATOR_HOST": url,
            "BIGQUERY_EMULATOR_HOST": url,
            "STAGING_BUCKET": "in",
            "OUTPUT_BUCKET": "out",
            "GOOGLE_CLOUD_PROJECT": "desk",
            "PYTHONUNBUFFERED": "1",
        }
        begun = time.monotonic()
        command = [sys.executable, "-m", "cbi", "ingest", str(sample)]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("waiting for Cloud Storage: ") or "BigQuery: " in line:
                    break
            assert f"{url} cannot be reached (Connection refused)" in line
            assert time.monotonic() - begun < 10
        finally:
            process.kill()
            process.wait()
