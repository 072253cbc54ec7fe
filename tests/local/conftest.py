"""One storage and one BigQuery for the whole session, and what the tests need to talk to them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage
from support.cloud import NO_RETRY

from cbi.local.stack import Servers, Stack, running_servers

Columns = dict[str, Any]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Storage and BigQuery without tables; the function has tests of its own."""
    folder = tmp_path_factory.mktemp("stack")
    with running_servers(
        folder, with_tables=False, with_function=False, with_trigger=False, disposable=True
    ) as running:
        yield running


@pytest.fixture(scope="session")
def stack(servers: Servers) -> Stack:
    return servers.stack


@pytest.fixture(scope="session")
def storage_client(stack: Stack) -> storage.Client:
    return storage.Client(
        project=stack.project,
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=stack.storage),
    )


@pytest.fixture(scope="session")
def bucket(storage_client: storage.Client, stack: Stack) -> storage.Bucket:
    return storage_client.bucket(stack.staging_bucket)


@pytest.fixture
def name() -> str:
    """An object name that no other test uses."""
    return f"objects/{uuid4().hex}"


@pytest.fixture
def objects_url(stack: Stack) -> str:
    return f"{stack.storage}/storage/v1/b/{stack.staging_bucket}/o"


@pytest.fixture
def start_upload(stack: Stack) -> Callable[..., requests.Response]:
    """Start a resumable upload over plain HTTP; the answer's Location is where its bytes go."""

    def start(name: str, **conditions: str) -> requests.Response:
        url = f"{stack.storage}/upload/storage/v1/b/{stack.staging_bucket}/o"
        parameters = {"uploadType": "resumable", "name": name, **conditions}
        return requests.post(url, params=parameters, json={}, timeout=30)

    return start


@pytest.fixture(scope="session")
def client(stack: Stack) -> bigquery.Client:
    return bigquery.Client(
        project=stack.project,
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=stack.bigquery),
    )


@pytest.fixture(scope="session")
def dataset(client: bigquery.Client) -> str:
    return str(client.create_dataset("features").dataset_id)


@pytest.fixture
def create_table(client: bigquery.Client, dataset: str) -> Callable[..., bigquery.Table]:
    def create(schema: Sequence[bigquery.SchemaField], partition_by: str | None = None) -> bigquery.Table:
        table = bigquery.Table(f"{client.project}.{dataset}.table_{uuid4().hex}", schema)
        if partition_by is not None:
            table.time_partitioning = bigquery.TimePartitioning(field=partition_by)
        return client.create_table(table)

    return create


@pytest.fixture
def stage(bucket: storage.Bucket) -> Callable[..., str]:
    """Write columns as a parquet object and return its URI."""

    def stage(columns: pa.Table | Columns, **options: Any) -> str:
        sink = pa.BufferOutputStream()
        pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), sink, **options)
        blob = bucket.blob(f"loads/{uuid4().hex}.parquet")
        blob.upload_from_string(sink.getvalue().to_pybytes(), if_generation_match=0)
        return f"gs://{bucket.name}/{blob.name}"

    return stage


@pytest.fixture
def load(client: bigquery.Client) -> Callable[..., bigquery.LoadJob]:
    """Insert a load job with the table's schema, unless told otherwise."""
    numbers = count()

    def load(
        uris: str | list[str], table: bigquery.Table, job_id: str | None = None, **options: Any
    ) -> bigquery.LoadJob:
        options.setdefault("schema", table.schema)
        config = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_APPEND")
        for option, value in options.items():
            setattr(config, option, value)
        job_id = job_id or f"load_{uuid4().hex}_{next(numbers)}"
        return client.load_table_from_uri(uris, table, job_id=job_id, job_config=config, retry=NO_RETRY)

    return load


@pytest.fixture
def loaded_rows(load: Callable[..., bigquery.LoadJob]) -> Callable[..., int]:
    """Load, wait for it, and give the rows that the job says it loaded."""

    def loaded(*arguments: Any, **options: Any) -> int:
        job = load(*arguments, **options)
        job.result()
        return int(job.output_rows)

    return loaded


@pytest.fixture
def rows(client: bigquery.Client) -> Callable[[bigquery.Table], list[dict[str, Any]]]:
    """All rows of a table."""

    def read(table: bigquery.Table) -> list[dict[str, Any]]:
        return [dict(row) for row in client.list_rows(table, selected_fields=table.schema)]

    return read


@pytest.fixture
def rules(stack: Stack) -> Iterator[Callable[..., None]]:
    """Change the rules of load jobs for one test."""

    def change(**changes: Any) -> None:
        requests.put(f"{stack.bigquery}/_local/settings", json=changes, timeout=30).raise_for_status()

    yield change
    change(load_seconds=0, loads_per_table_per_day=1_500, fail_next_loads=[])


@pytest.fixture
def race() -> Iterator[Callable[..., list[Any]]]:
    """Run `attempt(i)` thirty times at once and return the outcomes."""
    with ThreadPoolExecutor(30) as pool:
        yield lambda attempt: list(pool.map(attempt, range(30)))
