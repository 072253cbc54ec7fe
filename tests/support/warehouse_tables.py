"""Tables in the local BigQuery that are written to by the warehouse alone, without runs."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import bigquery

from cbi.contract.feed import Feed
from cbi.contract.parse import parse_feed
from cbi.contract.parts import Part
from cbi.contract.target import Target
from cbi.warehouse.part_load import LoadRequest
from cbi.warehouse.schema import schema_fields
from cbi.warehouse.warehouse import Warehouse
from support.cloud import Cloud


@dataclass(frozen=True)
class Table:
    """A feed's table; its rows are written by the warehouse, as a run writes them."""

    cloud: Cloud
    feed: Feed

    @property
    def target(self) -> Target:
        return Target.of(self.feed)

    @property
    def client(self) -> bigquery.Client:
        return self.cloud.bigquery

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.client, "US")

    @property
    def path(self) -> str:
        return f"{self.client.project}.{self.feed.table}"

    def request(self, run_id: str, rows: pa.Table) -> LoadRequest:
        """A part of a run with these rows, in an object of its own; they are as the table has them."""
        content = io.BytesIO()
        pq.write_table(rows.cast(self.feed.arrow_schema), content)
        name = f"enriched/{self.feed.name}/{run_id}.parquet"
        self.cloud.storage.bucket(self.cloud.output_bucket).blob(name).upload_from_string(content.getvalue())
        days = rows[self.feed.partition_by].to_pylist() if self.feed.partition_by else []
        part = Part(name, len(rows), len(set(days)), min(days, default=None), max(days, default=None))
        return LoadRequest(self.target, run_id, 0, f"gs://{self.cloud.output_bucket}/{name}", part)

    def rows(self) -> list[dict[str, Any]]:
        table = self.client.get_table(self.path)
        return [dict(row) for row in self.client.list_rows(table)]


def create_table(cloud: Cloud, name: str, contract: Mapping[str, Any]) -> Table:
    """Make the table of a contract, without rows."""
    feed = parse_feed(name, contract)
    client = cloud.bigquery
    client.create_dataset(feed.table.partition(".")[0], exists_ok=True)
    schema = schema_fields(field.to_api() for field in feed.schema)
    table = bigquery.Table(f"{client.project}.{feed.table}", schema)
    if feed.partition_by is not None:
        table.time_partitioning = bigquery.TimePartitioning(field=feed.partition_by)
    table.clustering_fields = list(feed.cluster_by) or None
    client.delete_table(table, not_found_ok=True)
    client.create_table(table)
    return Table(cloud, feed)
