"""Ordinary mistakes are told in a line or two, without a traceback."""

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.cloud import Cloud
from support.command_line import cbi
from support.tables import to_parquet

from cbi.errors import InvalidInput
from cbi.local.sample import sample_table

ROOT = Path(__file__).parents[1]
BUCKETS = {"STAGING_BUCKET": "in", "OUTPUT_BUCKET": "out", "GOOGLE_CLOUD_PROJECT": "desk"}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "x.parquet"
    to_parquet(sample_table(3, date(2026, 11, 20)), path)
    return path


def complaint(*arguments: str | Path, **environment: str) -> str:
    """What a command says that must fail without a traceback."""
    done = cbi(*arguments, environment=environment)
    assert done.returncode in (1, 2), done.stdout
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 5
    return done.stderr


@pytest.mark.servers
def test_a_missing_file(cloud: Cloud, tmp_path: Path) -> None:
    missing = tmp_path / "missing.parquet"
    assert "does not exist" in complaint("check", missing)
    said = complaint("ingest", missing, **cloud.environment)
    assert f"{missing} cannot be read (No such file or directory)" in said


@pytest.mark.servers
def test_a_file_of_another_name_is_not_staged_where_nobody_would_look_at_it(
    cloud: Cloud, sample: Path
) -> None:
    other = sample.rename(sample.with_suffix(".parq"))
    assert "does not end in .parquet" in complaint("ingest", other, **cloud.environment)


@pytest.mark.parametrize("missing", ["STAGING_BUCKET", "OUTPUT_BUCKET"])
def test_a_missing_variable(sample: Path, missing: str) -> None:
    emulators = {
        "STORAGE_EMULATOR_HOST": "http://127.0.0.1:9",
        "BIGQUERY_EMULATOR_HOST": "http://127.0.0.1:9",
    }
    said = complaint("ingest", sample, **{**BUCKETS, **emulators, missing: ""})
    assert f"{missing} is not set: set it to the name of a bucket" in said


@pytest.mark.parametrize("content", [None, "not JSON", "{}"])
def test_missing_or_broken_credentials(sample: Path, tmp_path: Path, content: str | None) -> None:
    credentials = tmp_path / "credentials.json"
    if content is not None:
        credentials.write_text(content)
    said = complaint("ingest", sample, GOOGLE_APPLICATION_CREDENTIALS=str(credentials), **BUCKETS)
    assert "no client for Google Cloud can be made" in said
    assert "gcloud auth application-default login" in said


def test_the_staging_bucket_as_output_bucket(sample: Path) -> None:
    said = complaint("ingest", sample, **{**BUCKETS, "OUTPUT_BUCKET": "in"})
    assert "STAGING_BUCKET and OUTPUT_BUCKET are both in" in said


def test_a_broken_contract_is_told_with_file_and_line(sample: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cbi", tmp_path / "cbi", ignore=shutil.ignore_patterns("__pycache__"))
    contract = tmp_path / "cbi/feeds/daily_ml_matrix.yaml"
    contract.write_text(contract.read_text().replace("type: DATE", "type: DAY", 1))
    command = [sys.executable, "-m", "cbi", "check", str(sample)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "daily_ml_matrix.yaml:" in done.stderr
    assert "'DAY'; it must be one of" in done.stderr


def test_a_traceback_is_shown_to_whoever_asks_for_it(sample: Path) -> None:
    wrong = {**BUCKETS, "OUTPUT_BUCKET": "in"}
    for value, shown in (("1", True), ("0", False), ("", False)):
        done = cbi("ingest", sample, environment={**wrong, "CBI_DEBUG": value})
        assert ("Traceback" in done.stderr) == shown


@pytest.mark.servers
@pytest.mark.parametrize(("source", "kind"), [(42, "int"), (None, "NoneType"), ([{"a": 1}], "list")])
def test_wrong_python_input(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, source: Any, kind: str) -> None:
    for name, value in cloud.environment.items():
        monkeypatch.setitem(os.environ, name, value)
    from cbi import IngestionPipeline

    with pytest.raises(
        InvalidInput, match=f"of type {kind} cannot be ingested; give a DataFrame, an Arrow table, the path"
    ):
        IngestionPipeline().ingest(source)


@pytest.mark.servers
def test_a_column_that_parquet_has_no_type_for(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd

    for name, value in cloud.environment.items():
        monkeypatch.setitem(os.environ, name, value)
    from cbi import IngestionPipeline

    with pytest.raises(InvalidInput, match="the DataFrame has a column that parquet has no type for"):
        IngestionPipeline().ingest(pd.DataFrame({"mixed": [1, "a", object()]}))


@pytest.mark.servers
def test_a_second_stack_in_the_same_folder(tmp_path: Path) -> None:
    from cbi.local.claim import claimed

    with claimed(tmp_path):
        said = complaint("local", "--data-dir", tmp_path)
    assert f"{tmp_path} is served already, by process {os.getpid()}: use that stack" in said
    with claimed(tmp_path):
        pass
