"""`serve` brings everything up, says where, keeps what it is given, and leaves nothing running."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage

from cbi.local.processes import ProcessFailed
from cbi.local.stack import Servers, Stack, running_servers

pytestmark = pytest.mark.servers

TABLE = "cbi-local.kept.numbers"
URI = "gs://cbi-staging/numbers.parquet"
_SERVE = "import sys; from pathlib import Path; from cbi.local.stack import serve; serve(Path(sys.argv[1]))"


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A supervisor in a process of its own, and what it said when it was ready."""
    command = [sys.executable, "-c", _SERVE, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        try:
            assert supervisor.stdout is not None
            yield supervisor, json.loads(supervisor.stdout.readline())
        finally:
            supervisor.kill()


def services(folder: Path, **env: str) -> AbstractContextManager[Servers]:
    """Storage and BigQuery only."""
    return running_servers(folder, with_function=False, with_trigger=False, with_tables=False, env=env)


def servers_of(description: dict[str, Any]) -> list[str]:
    """The command lines of the processes that serve a stack, its function's workers too."""
    marks = [description["data_dir"]]
    marks += [description[name].rpartition(":")[2] for name in ("storage", "bigquery", "function")]
    listing = subprocess.run(["ps", "-ww", "-eo", "stat=,args="], capture_output=True, text=True, check=True)
    lines = [line for line in listing.stdout.splitlines() if not line.startswith("Z")]
    return [line for line in lines if any(mark in line for mark in marks) and _SERVE not in line]


def bigquery_client(stack: Stack) -> bigquery.Client:
    options = ClientOptions(api_endpoint=stack.bigquery)
    return bigquery.Client(project=stack.project, credentials=AnonymousCredentials(), client_options=options)


def storage_client(stack: Stack) -> storage.Client:
    options = ClientOptions(api_endpoint=stack.storage)
    return storage.Client(project=stack.project, credentials=AnonymousCredentials(), client_options=options)


def insert_load(stack: Stack, job_id: str) -> bigquery.LoadJob:
    """A load of two rows into a new table."""
    content = pa.BufferOutputStream()
    pq.write_table(pa.table({"number": [1, 2]}), content)
    bucket = storage_client(stack).bucket(stack.staging_bucket)
    bucket.blob("numbers.parquet").upload_from_string(content.getvalue().to_pybytes())
    client = bigquery_client(stack)
    client.create_dataset("kept")
    schema = [bigquery.SchemaField("number", "INT64")]
    client.create_table(bigquery.Table(TABLE, schema))
    config = bigquery.LoadJobConfig(source_format="PARQUET", schema=schema)
    return client.load_table_from_uri(URI, TABLE, job_id=job_id, job_config=config)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_process_is_left_whatever_ends_the_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as (supervisor, description):
        check_description(tmp_path, description)
        assert len(servers_of(description)) >= 5
        os.kill(supervisor.pid, number)
        supervisor.wait(15)
    deadline = time.monotonic() + 10
    while left := servers_of(description):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def check_description(folder: Path, description: dict[str, Any]) -> None:
    """The ready line and the file say where everything is, and it is there."""
    assert json.loads((folder / "stack.json").read_text()) == description
    names = ["storage", "bigquery", "function", "staging_bucket", "output_bucket", "project", "data_dir"]
    assert list(description) == names
    stack = Stack(**description)
    for bucket in (stack.staging_bucket, stack.output_bucket):
        assert storage_client(stack).bucket(bucket).exists()
    tables = bigquery_client(stack).list_tables("features")
    assert "daily_ml_matrix" in {table.table_id for table in tables}


def test_rows_objects_and_job_ids_survive_a_crash(tmp_path: Path) -> None:
    with services(tmp_path) as servers:
        check_nobody_else_starts(tmp_path)
        insert_load(servers.stack, "once").result()
        servers.kill("bigquery")
        servers.kill("storage")
    with services(tmp_path) as servers:
        client = bigquery_client(servers.stack)
        job = client.get_job("once", location="US")
        assert isinstance(job, bigquery.LoadJob)
        assert job.output_rows == 2
        assert [
            row.number for row in client.list_rows(TABLE, selected_fields=client.get_table(TABLE).schema)
        ] == [
            1,
            2,
        ]
        assert storage_client(servers.stack).bucket("cbi-staging").blob("numbers.parquet").exists()


def test_a_job_cut_off_by_a_crash_is_finished_after_it(tmp_path: Path) -> None:
    with services(tmp_path, CBI_LOCAL_LOAD_SECONDS="1") as servers:
        insert_load(servers.stack, "cut_off")
        servers.kill("bigquery")
        servers.start("bigquery")
        client = bigquery_client(servers.stack)
        job = client.get_job("cut_off", location="US")
        assert isinstance(job, bigquery.LoadJob)
        assert job.state != "DONE"
        assert list(client.list_rows(TABLE)) == []
        job.result()
        assert job.output_rows == 2
        assert len(list(client.list_rows(TABLE))) == 2


def test_the_function_can_crash_and_come_back_where_it_was(tmp_path: Path) -> None:
    with running_servers(tmp_path, with_trigger=False, with_tables=False) as servers:
        servers.kill("function")
        with pytest.raises(URLError):
            urlopen(servers.stack.function, timeout=5)
        servers.start("function")


def check_nobody_else_starts(folder: Path) -> None:
    """A second stack on the same folder says why it cannot start."""
    with pytest.raises(ProcessFailed, match=r"bigquery ended[\s\S]*lock"), services(folder):
        pass
