"""`python -m cbi`, run as a user runs it."""

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from support.cloud import Cloud
from support.command_line import cbi, cbi_from_scratch
from support.reports import validate_report
from support.tables import to_parquet
from support.terminal import cbi_on_terminal, plain

import cbi as cbi_package
from cbi.local.sample import sample_table

ROOT = Path(__file__).parents[1]
LAST = date(2026, 11, 20)


def test_ingest_puts_a_local_file_in_the_bucket_and_prints_its_report(cloud: Cloud, sample: Path) -> None:
    done = cbi_from_scratch("ingest", sample, environment=cloud.environment)
    report = json.loads(done.stdout)
    validate_report(report)
    assert (done.returncode, report["status"], report["rows_loaded"]) == (0, "success", 10)
    assert report["source"]["uri"] == f"gs://{cloud.staging_bucket}/staged/{sample.name}"
    assert cloud.count(report["run_id"]) == 10


def test_on_a_terminal_a_report_is_text_and_json_where_that_is_asked_for(
    cloud: Cloud, sample: Path, unique: str
) -> None:
    file = cloud.drop(sample.read_bytes(), f"staged/{unique}.parquet")
    report = cloud.report(file)
    text = cbi_on_terminal("ingest", file.uri, environment=cloud.environment)
    assert "\x1b[" in text
    assert f"success: {report['message']}" in plain(text).replace("\n", " ")
    assert f"python -m cbi undo {report['run_id']}" in plain(text)
    done = cbi_on_terminal("ingest", file.uri, "--json", environment=cloud.environment)
    assert report == json.loads(done[done.index("{\n") :])


def test_no_color_is_obeyed(sample: Path) -> None:
    text = cbi_on_terminal("check", sample, environment={"NO_COLOR": "1"})
    assert "success: the file can be loaded" in plain(text)
    assert "\x1b[1;32m" not in text
    assert "\x1b[1;32m" in cbi_on_terminal("check", sample)


def test_check_on_a_terminal_tells_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    to_parquet(sample_table(3).drop_columns("symbol"), path)
    assert "failed: The required column symbol is missing" in plain(cbi_on_terminal("check", path, code=1))


def test_the_version_and_help_have_short_ways() -> None:
    assert cbi("--version", environment={}).stdout == f"cbi, version {cbi_package.__version__}\n"
    assert cbi("-h", environment={}).stdout == cbi("--help", environment={}).stdout
    assert "--json" in cbi("ingest", "-h", environment={}).stdout


def test_ingest_of_a_uri_gives_the_report_of_the_run_there_already_is(
    cloud: Cloud, sample: Path, unique: str
) -> None:
    file = cloud.drop(sample.read_bytes(), f"staged/{unique}.parquet")
    report = cloud.report(file)
    done = cbi("ingest", file.uri, environment=cloud.environment)
    assert json.loads(done.stdout) == report
    assert cloud.count(report["run_id"]) == 10


def test_ingest_exits_with_1_when_the_report_says_failed(cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"not parquet")
    done = cbi("ingest", path, environment=cloud.environment)
    assert done.returncode == 1
    assert json.loads(done.stdout)["reason"] == "unreadable_file"


@pytest.mark.parametrize("uri", ["gs://cbi-staging/elsewhere/x.csv", "gs://another/staged/x.parquet"])
def test_ingest_of_what_is_not_staged_says_what_is_wanted(cloud: Cloud, uri: str) -> None:
    done = cbi("ingest", uri, environment=cloud.environment)
    assert done.returncode == 1
    assert f"{uri} is not a staged file; it must be gs://{cloud.staging_bucket}/staged/" in done.stderr


def test_a_missing_setting_is_named(sample: Path) -> None:
    done = cbi("ingest", sample, environment={})
    assert done.returncode == 1
    assert "OUTPUT_BUCKET is not set" in done.stderr


def test_check_validates_without_any_cloud(sample: Path) -> None:
    done = cbi("check", sample, environment={})
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["status"]) == (0, "success")
    assert verdict["validation_report"]["rows_processed"] == 10


def test_check_says_the_same_as_the_report(cloud: Cloud, tmp_path: Path, unique: str) -> None:
    table = sample_table(40, date(2023, 11, 10), unique).append_column("extra", pa.array([1] * 40))
    path = tmp_path / "x.parquet"
    report = cloud.ingest(to_parquet(table, path), f"staged/{unique}.parquet")
    verdict = json.loads(cbi("check", path, environment={}).stdout)
    assert verdict["validation_report"] == report["validation_report"]
    assert verdict["warnings"] == [
        *report["warnings"],
        "75% of the rows would be in quarantine: is that meant?",
    ]


def test_check_exits_with_1_and_tells_why(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    to_parquet(sample_table(3).drop_columns("symbol"), path)
    done = cbi("check", path, environment={})
    assert done.returncode == 1
    assert "symbol is missing" in json.loads(done.stdout)["message"]


def test_init_can_be_repeated_and_changes_nothing_then(cloud: Cloud) -> None:
    before = cloud.query("SELECT count(*) AS n FROM TABLE")
    done = cbi("init", environment=cloud.environment)
    assert (done.returncode, done.stdout) == (0, "everything is there already\n")
    assert cloud.query("SELECT count(*) AS n FROM TABLE") == before


def test_feed_new_prints_a_contract(sample: Path) -> None:
    done = cbi("feed", "new", sample, "--table", "features.x", "--key", "symbol,data_date", environment={})
    assert (done.returncode, done.stderr) == (0, "")
    assert "key: [symbol, data_date]\npartition_by: data_date\n" in done.stdout


def test_feed_diff_exits_with_1_where_a_file_differs(tmp_path: Path, sample: Path) -> None:
    done = cbi("feed", "diff", sample, environment={})
    assert (done.returncode, done.stdout) == (0, "no difference\n")
    path = tmp_path / "wider.parquet"
    to_parquet(sample_table(3).append_column("extra", pa.array([1] * 3)), path)
    done = cbi("feed", "diff", path, environment={})
    assert (done.returncode, done.stdout) == (1, "+ extra: INT64\n")


def test_feed_evolve_writes_the_contract(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cbi", tmp_path / "cbi")
    contract = tmp_path / "cbi/feeds/daily_ml_matrix.yaml"
    before = contract.read_text()
    path = tmp_path / "wider.parquet"
    to_parquet(sample_table(3).append_column("extra", pa.array([1] * 3)), path)
    for said in ("added extra\n", "the contract has all columns already\n"):
        command = [sys.executable, "-m", "cbi", "feed", "evolve", str(path)]
        done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout) == (0, said), done.stderr
    assert contract.read_text() == before + "  - {name: extra, type: INT64}\n"


def test_feed_check_finds_all_contracts_sound() -> None:
    done = cbi("feed", "check", environment={})
    assert (done.returncode, done.stdout) == (0, "all 4 contracts are sound\n")


def test_regimes_are_shown() -> None:
    done = cbi("regimes", environment={})
    assert "446 days    400  trump_anticipation_2024" in done.stdout
    assert "1908 days from 2023-11-01 to 2029-01-20" in done.stdout


def test_regimes_with_a_gap_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "regimes.yaml"
    path.write_text(
        "- {regime: calm, from: 2020-01-01, to: 2020-06-30, weight: 1}\n"
        "- {regime: storm, from: 2020-07-02, to: 2020-12-31, weight: 2}\n"
    )
    done = cbi("regimes", "--file", path, environment={})
    assert done.returncode == 1
    assert "gap between calm (to 2020-06-30) and storm (from 2020-07-02)" in done.stderr


def test_a_query_prints_a_table(cloud: Cloud) -> None:
    sql = "SELECT regime, weight FROM training.regime_weights ORDER BY weight LIMIT 2"
    rows = json.loads(cbi("query", sql, environment=cloud.environment).stdout)
    assert [list(row) for row in rows] == [["regime", "weight"]] * 2
    text = plain(cbi_on_terminal("query", sql, environment=cloud.environment))
    assert text.split()[:2] == ["regime", "weight"]
    assert text.rstrip().endswith("2 rows")
    done = cbi("query", "SELECT nothing FROM nowhere.at_all", environment=cloud.environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_help_names_every_command() -> None:
    done = cbi_from_scratch("--help", environment={})
    for command in ("ingest", "check", "init", "regimes", "local"):
        assert f"\n  {command} " in done.stdout
