"""A load job may bring its file along; the rules for it are the same."""

import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import BadRequest, Conflict
from google.cloud import bigquery

CreateTable = Callable[..., bigquery.Table]
Rows = Callable[[bigquery.Table], list[dict[str, Any]]]


@pytest.fixture
def table(create_table: CreateTable) -> bigquery.Table:
    return create_table([bigquery.SchemaField("number", "INT64", mode="REQUIRED")])


@pytest.fixture
def upload(client: bigquery.Client, table: bigquery.Table) -> Callable[..., bigquery.LoadJob]:
    def upload(columns: dict[str, Any], job_id: str | None = None) -> bigquery.LoadJob:
        content = io.BytesIO()
        pq.write_table(pa.table(columns), content, compression="none", use_dictionary=False)
        config = bigquery.LoadJobConfig(
            source_format="PARQUET", schema=table.schema, write_disposition="WRITE_TRUNCATE"
        )
        return client.load_table_from_file(content, table, rewind=True, job_id=job_id, job_config=config)

    return upload


def test_an_uploaded_file_is_loaded(table: bigquery.Table, upload: Callable[..., Any], rows: Rows) -> None:
    for numbers in ([1, 2], [3]):
        upload({"number": numbers}).result()
    assert rows(table) == [{"number": 3}]


def test_an_uploaded_file_is_held_to_the_schema(
    table: bigquery.Table, upload: Callable[..., Any], rows: Rows
) -> None:
    with pytest.raises(BadRequest, match="does not match the target type"):
        upload({"number": [1.5]}).result()
    assert rows(table) == []


def test_the_job_id_of_an_upload_is_used_once(upload: Callable[..., Any]) -> None:
    job_id = f"upload_{uuid4().hex}"
    upload({"number": [1]}, job_id).result()
    with pytest.raises(Conflict):
        upload({"number": [1]}, job_id)
