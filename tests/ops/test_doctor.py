"""Each line of `doctor` is well on a deployment that is, and red, with what to do, where it is not."""

import json
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.storage import Client as StorageClient
from support.cloud import Cloud
from support.command_line import cbi
from support.stored_reports import stored_report
from support.terminal import cbi_on_terminal, plain

from cbi import IngestionPipeline
from cbi.contract import catalog
from cbi.contract.feed import Feed
from cbi.gcs.identity import StagedFile
from cbi.local.stack import running_servers
from cbi.ops.announce import history_of
from cbi.ops.doctor import places, tables
from cbi.ops.doctor.checks import CHECKS
from cbi.ops.doctor.deployment import Deployment
from cbi.ops.doctor.examine import Line, examine
from cbi.ops.sweep import sweep
from cbi.runs.protocol.log import Undo
from cbi.runs.protocol.requests import Pending
from cbi.settings import Settings

ROOT = Path(__file__).parents[2]
CHECKED = {check.name: check for check in CHECKS}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A project of its own, whose tables and history other tests have no part in."""
    folder = tmp_path_factory.mktemp("doctor")
    with running_servers(folder, with_function=False, with_trigger=False, disposable=True) as servers:
        yield Cloud.of_stack(servers.stack)


@pytest.fixture
def deployment(cloud: Cloud, pipeline: IngestionPipeline) -> Deployment:
    """The project as it is, without what an earlier test did in it."""
    for blob in cloud.storage.list_blobs(cloud.output_bucket):
        blob.delete()
    return look_at(cloud)


def look_at(cloud: Cloud, **environment: str) -> Deployment:
    deployment = Deployment()
    deployment.settings = Settings.from_environment({**cloud.environment, **environment})
    return deployment


def line(deployment: Deployment, name: str) -> Line:
    (found,) = (line for line in examine(deployment) if line.check == name)
    return found


def enter(pipeline: IngestionPipeline, **changes: Any) -> None:
    """Put a run that has just ended into the history."""
    report = stored_report("quarantined")
    values = {**vars(report), "finished_at": datetime.now(UTC), "feed": "daily_ml_matrix", **changes}
    history_of(pipeline).add(type(report)(**values))


def test_a_project_that_is_well_has_no_red_line(
    cloud: Cloud, deployment: Deployment, pipeline: IngestionPipeline
) -> None:
    enter(pipeline, rows_skipped=0)
    sweep(pipeline)
    begun = time.monotonic()
    done = cbi("doctor", "--json", environment=cloud.environment)
    assert time.monotonic() - begun < 10
    lines = json.loads(done.stdout)
    assert {each["check"]: each["mark"] for each in lines} == {
        name: "unknown" if name == "permissions" else "ok" for name in CHECKED
    }
    assert "no IAM" in next(each["found"] for each in lines if each["check"] == "permissions")
    assert done.returncode == 0
    text = plain(cbi_on_terminal("doctor", environment=cloud.environment))
    assert re.search(r"^✔ +calendar +each day has a regime until 2029-01-20: [\d,]+ days left +$", text, re.M)


def test_a_red_line_is_told_with_what_to_run_and_fails_the_command(
    cloud: Cloud, deployment: Deployment
) -> None:
    text = plain(cbi_on_terminal("doctor", environment=cloud.environment, code=1))
    assert re.search(r"^✘ +sweep +none since yesterday: lost events go unnoticed +\n +→ `gcloud", text, re.M)


def test_each_check_comes_after_those_it_needs() -> None:
    names = list(CHECKED)
    for check in CHECKS:
        assert all(names.index(needed) < names.index(check.name) for needed in check.needs)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"STAGING_BUCKET": ""}, "STAGING_BUCKET is not set"),
        ({"STAGING_BUCKET": "cbi-output"}, "are both cbi-output"),
        ({"REPORT_PAGE": "maybe"}, "REPORT_PAGE is 'maybe'"),
    ],
)
def test_settings_that_are_wrong(cloud: Cloud, changes: dict[str, str], found: str) -> None:
    done = cbi("doctor", environment={**cloud.environment, **changes})
    first, *others = json.loads(done.stdout)
    assert (first["mark"], done.returncode) == ("red", 1)
    assert found in first["found"]
    assert {each["found"] for each in others} == {"not looked at, as settings is red"}


@pytest.mark.parametrize(
    ("variable", "name"),
    [("STORAGE_EMULATOR_HOST", "Cloud Storage"), ("BIGQUERY_EMULATOR_HOST", "BigQuery")],
)
def test_a_service_that_cannot_be_reached(cloud: Cloud, variable: str, name: str) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        begun = time.monotonic()
        done = cbi("doctor", environment={**cloud.environment, variable: url})
    assert time.monotonic() - begun < 10
    lines = {each["check"]: each for each in json.loads(done.stdout)}
    assert lines[name]["mark"] == "red"
    assert f"{url} cannot be reached" in lines[name]["found"]
    assert "`make serve`" in lines[name]["fix"]
    assert lines["load jobs"]["found"] == f"not looked at, as {name} is red"


def test_a_service_that_takes_connections_and_never_answers(cloud: Cloud) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        done = cbi("doctor", environment={**cloud.environment, "STORAGE_EMULATOR_HOST": url})
    assert time.monotonic() - begun < 12  # its start included
    lines = {each["check"]: each for each in json.loads(done.stdout)}
    assert (lines["buckets"]["mark"], lines["buckets"]["found"]) == ("red", "no answer within 9 s")
    assert lines["tables"]["mark"] == "ok"


def test_a_bucket_that_is_not_there(cloud: Cloud, pipeline: IngestionPipeline) -> None:
    found = line(look_at(cloud, OUTPUT_BUCKET="nowhere"), "buckets")
    assert (found.mark, found.found) == ("red", "gs://nowhere is not there")
    assert "make deploy" in (found.fix or "")


def test_buckets_that_files_cannot_be_spliced_between(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local storage has one location and class for all, so one is changed as it is read."""
    original = StorageClient.get_bucket

    def colder(client: StorageClient, name: str, **options: Any) -> Any:
        bucket = original(client, name, **options)
        if name == deployment.settings.output_bucket:
            bucket._properties["storageClass"] = "NEARLINE"
        return bucket

    monkeypatch.setattr(StorageClient, "get_bucket", colder)
    found = line(deployment, "buckets")
    assert found.mark == "warning"
    assert (
        "US-CENTRAL1 STANDARD and cbi-output is US-CENTRAL1 NEARLINE: no file can be spliced" in found.found
    )


@pytest.mark.usefixtures("broken_contract")
def test_a_contract_that_is_broken_and_a_table_that_is_not_there(deployment: Deployment) -> None:
    contracts, missing = line(deployment, "contracts"), line(deployment, "tables")
    assert contracts.mark == "red"
    assert "cbi/feeds/broken.yaml:5: schema[0].type is 'NUMBER'" in contracts.found
    assert "python -m cbi feed check" in (contracts.fix or "")
    assert (missing.mark, missing.found) == ("red", "broken_contract.spare is not there")
    assert "python -m cbi init" in (missing.fix or "")


@pytest.fixture
def other_columns(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A feed whose table has the columns that the test asks for; its contract has `id` and `price`."""
    name = f"columns_{request.param[0]}"
    feeds = tmp_path / "cbi/feeds"
    shutil.copytree(catalog._FEEDS, feeds)
    (feeds / f"{name}.yaml").write_text(
        f"table: doctor.{name}\nkey: [id]\n"
        "schema: [{name: id, type: INT64, mode: REQUIRED}, {name: price, type: FLOAT64}]\n"
    )
    monkeypatch.setattr(catalog, "_FEEDS", feeds)
    cloud.bigquery.create_dataset("doctor", exists_ok=True)
    fields = [bigquery.SchemaField("id", "INT64", "REQUIRED"), *request.param[1]]
    cloud.bigquery.create_table(bigquery.Table(f"{cloud.project}.doctor.{name}", fields))


@pytest.mark.usefixtures("other_columns")
@pytest.mark.parametrize(
    ("other_columns", "mark", "found"),
    [
        (("fewer", []), "red", "doctor.columns_fewer lacks price"),
        (
            ("other", [bigquery.SchemaField("price", "STRING")]),
            "red",
            "price is STRING in the table and FLOAT64",
        ),
        (
            (
                "more",
                [bigquery.SchemaField("price", "FLOAT64"), bigquery.SchemaField("desk", "STRING")],
            ),
            "warning",
            "desk is not in the contract: it stays as it is",
        ),
        (
            (
                "required",
                [
                    bigquery.SchemaField("price", "FLOAT64"),
                    bigquery.SchemaField("desk", "STRING", "REQUIRED"),
                ],
            ),
            "red",
            "so every load fails",
        ),
    ],
    indirect=["other_columns"],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_table_that_is_not_as_its_contract(deployment: Deployment, mark: str, found: str) -> None:
    compared = line(deployment, "tables")
    assert compared.mark == mark
    assert found in compared.found


@pytest.mark.parametrize(
    ("today", "mark", "found"),
    [
        ("2028-10-01", "ok", "111 days left"),
        ("2028-12-01", "warning", "50 days left"),
        ("2029-01-10", "red", "10 days left"),
        ("2029-01-20", "red", "0 days left"),
        ("2029-01-21", "red", "today, 2029-01-21, has no regime"),
    ],
)
def test_a_calendar_that_ends(deployment: Deployment, today: str, mark: str, found: str) -> None:
    deployment.now = datetime.fromisoformat(f"{today}T12:00:00+00:00")
    calendar = line(deployment, "calendar")
    assert calendar.mark == mark
    assert found in calendar.found
    if mark != "ok":
        assert "python -m cbi regimes --apply" in (calendar.fix or "")


def test_days_after_a_gap_do_not_count() -> None:
    from datetime import date

    from cbi.lookups.regime_calendar import RegimeCalendar

    days = [date(2026, 1, day) for day in (1, 2, 3, 5, 6)]
    calendar = RegimeCalendar.from_rows([(day, "calm") for day in days], {"calm": 1})
    assert tables._covered_until(calendar, date(2026, 1, 2)) == date(2026, 1, 3)
    assert tables._covered_until(calendar, date(2026, 1, 4)) is None


def test_a_feed_without_a_file(deployment: Deployment, pipeline: IngestionPipeline) -> None:
    found = line(deployment, "feeds")
    assert (found.mark, found.found) == ("warning", "daily_ml_matrix had no file for 100 h")
    enter(pipeline)
    assert line(deployment, "feeds").mark == "ok"


def test_a_file_that_failed_and_is_not_loaded_since(
    cloud: Cloud, deployment: Deployment, pipeline: IngestionPipeline
) -> None:
    assert line(deployment, "reports").mark == "unknown"
    enter(pipeline, status="failed", run_id="a" * 24, finished_at=datetime.now(UTC) - timedelta(minutes=5))
    found = line(look_at(cloud), "reports")
    assert found.mark == "red"
    assert "a" * 24 in found.found
    assert "python -m cbi show RUN_ID" in (found.fix or "")
    enter(pipeline, run_id="b" * 24)
    assert line(look_at(cloud), "reports").mark == "ok"


def test_rows_that_were_left_out(deployment: Deployment, pipeline: IngestionPipeline) -> None:
    enter(pipeline, rows_skipped=3)
    found = line(deployment, "quarantine")
    assert found.mark == "warning"
    assert found.found.startswith("rows left out in 24 h: 3 of staged/")
    assert "python -m cbi replay RUN_ID" in (found.fix or "")


@pytest.mark.parametrize(
    ("partitions", "mark"), [(20_000, "ok"), (21_000, "warning"), (27_000, "red"), (31_000, "red")]
)
def test_a_quota_that_is_nearly_used(
    deployment: Deployment, pipeline: IngestionPipeline, partitions: int, mark: str
) -> None:
    (job, *_) = stored_report("quarantined").load_jobs
    enter(pipeline, load_jobs=(type(job)(**{**vars(job), "partitions": partitions}),))
    found = line(deployment, "load jobs")
    assert found.mark == mark
    assert f"faults.appended: {partitions:,} of 30,000 partition changes in 24 h" in found.found
    assert mark == "ok" or "load_jobs_by_table.sql" in (found.fix or "")


def test_load_jobs_are_those_that_bigquery_lists(
    cloud: Cloud, deployment: Deployment, pipeline: IngestionPipeline
) -> None:
    """The local stack has loaded its regimes by one job a table, of which there is no report."""
    found = line(deployment, "load jobs")
    assert re.search(r"training\.regime_\w+: 1 of 1,500 load jobs in 24 h", found.found)
    assert "BigQuery's list" in found.found


def test_an_undoing_that_nobody_carries_out(deployment: Deployment, pipeline: IngestionPipeline) -> None:
    assert line(deployment, "marks").found == "no undoing or replay waits"
    file = StagedFile("cbi-staging", "staged/never.parquet", 1)
    pipeline.runs.mark(Pending(file, Undo()))
    assert line(deployment, "marks").mark == "ok"
    deployment.now += timedelta(hours=2)
    found = line(deployment, "marks")
    assert (found.mark, found.found.startswith("1 undoing or replay waits, the oldest for")) == ("red", True)
    assert "python -m cbi sweep" in (found.fix or "")


def test_a_sweep_that_is_late_or_leaves_files(
    cloud: Cloud, deployment: Deployment, pipeline: IngestionPipeline
) -> None:
    sweep(pipeline)
    deployment.now = datetime.now(UTC)
    assert line(deployment, "sweep").mark == "ok"
    deployment.now += timedelta(minutes=61)
    assert line(deployment, "sweep").mark == "red"
    for number, (found, failed, mark) in enumerate([(2, 0, "warning"), (2, 1, "red")], start=1):
        at = datetime.now(UTC) + timedelta(seconds=number)
        report = {"started_at": at.isoformat(), "found": found, "run": found - failed, "failed": failed}
        report |= {"left": 0, "removed": 0, "recorded": 0, "oldest_age_seconds": None}
        pipeline.outputs.create(pipeline.outputs.sweep(at), report)
        swept = line(look_at(cloud), "sweep")
        assert swept.mark == mark
        assert swept.fix


class _Permissions(BaseHTTPRequestHandler):
    """Cloud Storage and BigQuery that grant what they are told to, and say so as their APIs do."""

    granted: frozenset[str] = frozenset()

    def do_GET(self) -> None:
        asked = re.findall(r"permissions=([\w.]+)", self.path)
        self._answer({"permissions": [each for each in asked if each in self.granted]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "permissions" in asked:
            self._answer({"permissions": [each for each in asked["permissions"] if each in self.granted]})
        elif "bigquery.jobs.create" in self.granted:
            self._answer({"jobReference": asked["jobReference"], "configuration": asked["configuration"]})
        else:
            self._answer({"error": {"code": 403, "errors": [{"reason": "accessDenied"}]}}, 403)

    def _answer(self, body: Any, status: int = 200) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


NEEDED = {
    *places.STAGING_PERMISSIONS,
    *places.OUTPUT_PERMISSIONS,
    *places.TABLE_PERMISSIONS,
    "bigquery.jobs.create",
}


@pytest.mark.parametrize("withheld", [None, *sorted(NEEDED)])
def test_a_permission_that_is_not_granted(withheld: str | None) -> None:
    """By a server of its own, as nothing local has IAM."""
    handler = type("_Granting", (_Permissions,), {"granted": frozenset(NEEDED - {withheld})})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        options: Any = {
            "project": "p",
            "credentials": AnonymousCredentials(),
            "client_options": ClientOptions(api_endpoint=url),
        }
        deployment = Deployment()
        deployment.settings = Settings(staging_bucket="s", output_bucket="o")
        deployment.storage, deployment.bigquery = StorageClient(**options), bigquery.Client(**options)
        found = places.permissions(deployment)
        server.shutdown()
    assert found.mark == ("red" if withheld else "ok")
    if withheld:
        assert f"{withheld} " in found.found
        assert "make deploy" in (found.fix or "")


ROLES = {
    "roles/storage.objectViewer": {"storage.objects.get", "storage.objects.list"},
    "roles/storage.objectCreator": {"storage.objects.create"},
}


@pytest.mark.parametrize(
    ("bucket", "wanted"),
    [("staging", places.STAGING_PERMISSIONS), ("output", places.OUTPUT_PERMISSIONS)],
)
def test_the_permissions_are_those_of_the_deployed_roles(bucket: str, wanted: tuple[str, ...]) -> None:
    accounts = (ROOT / "deploy/accounts.tf").read_text()
    blocks = re.findall(
        r'"google_storage_bucket_iam_member" "runtime_\w+" \{\n(.*?)^\}', accounts, re.M | re.S
    )
    roles = [
        role
        for block in blocks
        if f"google_storage_bucket.{bucket}.name\n" in block and "condition" not in block
        for role in re.findall(r'role += "(.*)"', block)
    ]
    assert roles
    assert set().union(*(ROLES[role] for role in roles)) == set(wanted)


def test_what_nobody_foresaw_is_not_hidden(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> tuple[Feed, ...]:
        raise ZeroDivisionError

    monkeypatch.setattr(tables, "other_tables", fail)
    with pytest.raises(ZeroDivisionError):
        examine(deployment)
