"""How a job is inserted under an id: the load of a parquet object, or a statement that changes rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google.cloud import bigquery
from google.cloud.bigquery import CreateDisposition, SchemaField, SourceFormat, WriteDisposition

from cbi.clients import BIGQUERY_RETRY, REQUEST_TIMEOUT


@dataclass(frozen=True, kw_only=True)
class ParquetLoad:
    """A load job that takes the parquet object at `uri` into a table that is there: all its rows or none.

    `table` is `project.dataset.table`. The schema goes with the job, because without it a table with REQUIRED
    columns refuses the file. The rows are appended, or with `replace_rows` take the place of all others.
    """

    uri: str
    table: str
    schema: Sequence[SchemaField]
    labels: Mapping[str, str]
    replace_rows: bool = False

    def insert(
        self, client: bigquery.Client, location: str, job_id: str, project: str | None = None
    ) -> bigquery.LoadJob:
        """Insert the job under an id, in a project (None: the client's). Raises Conflict where the id is
        used."""
        disposition = WriteDisposition.WRITE_TRUNCATE if self.replace_rows else WriteDisposition.WRITE_APPEND
        return client.load_table_from_uri(
            self.uri,
            self.table,
            job_id=job_id,
            location=location,
            project=project,
            job_config=bigquery.LoadJobConfig(
                source_format=SourceFormat.PARQUET,
                schema=list(self.schema),
                create_disposition=CreateDisposition.CREATE_NEVER,
                write_disposition=disposition,
                labels=dict(self.labels),
            ),
            retry=BIGQUERY_RETRY,
            timeout=REQUEST_TIMEOUT,
        )


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A query job that runs one SQL statement."""

    sql: str
    labels: Mapping[str, str]

    def insert(
        self, client: bigquery.Client, location: str, job_id: str, project: str | None = None
    ) -> bigquery.QueryJob:
        """Insert the job under an id, in a project (None: the client's). Raises Conflict where the id is
        used."""
        return client.query(
            self.sql,
            job_id=job_id,
            location=location,
            project=project,
            job_config=bigquery.QueryJobConfig(labels=dict(self.labels)),
            job_retry=None,  # a failed job's id cannot be used again
            retry=BIGQUERY_RETRY,
            timeout=REQUEST_TIMEOUT,
        )
