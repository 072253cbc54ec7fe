"""The datasets, tables and regimes that the function needs, made where they are missing."""

import io
from datetime import timedelta
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.exceptions import Conflict
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT, bigquery_client, storage_client
from cbi.contract.catalog import load_feeds, other_tables
from cbi.contract.feed import Feed
from cbi.deadline import Deadline
from cbi.errors import Misconfigured
from cbi.faults import cloud_error, error_of
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.lookups.regime_cache import CALENDAR_TABLE, WEIGHTS_TABLE
from cbi.lookups.regime_calendar import RegimeCalendar, load_regimes_file
from cbi.settings import Settings
from cbi.warehouse.inserts import ParquetLoad
from cbi.warehouse.jobs import Jobs, JobSpec
from cbi.warehouse.schema import schema_fields


def initialise(settings: Settings) -> list[str]:
    """Make every dataset and table that is missing, and name them in the order they were made.

    Safe to repeat: what is there stays as it is. The regime tables are filled from `regimes.yaml` while
    the calendar is empty. Raises Transient and Misconfigured, the latter also for contracts that are broken,
    after the tables of all others are made.
    """
    client = bigquery_client(settings)
    feeds, errors = load_feeds()
    contracts = [*feeds, *other_tables()]
    try:
        made = _create_missing(client, [_table(client.project, contract) for contract in contracts])
        calendar = client.get_table(
            f"{client.project}.{CALENDAR_TABLE}", retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT
        )
        no_regimes = not any(client.list_rows(calendar, max_results=1, timeout=REQUEST_TIMEOUT))
    except CLOUD_FAULTS as error:
        raise cloud_error(error, "the tables could not be made") from error
    if no_regimes:
        apply_regimes(settings, load_regimes_file())
    if errors:
        reasons = "\n".join(map(str, errors))
        raise Misconfigured(
            f"these contracts are broken; all other tables are there ({len(made)} of them new):\n{reasons}"
        )
    return made


def apply_regimes(settings: Settings, calendar: RegimeCalendar) -> None:
    """Replace both regime tables' rows by a calendar's. Raises Transient and Misconfigured.

    Each table is replaced at once, by a free load job from a file in the output bucket; the weights first,
    so that no day of the new calendar is ever without one.
    """
    weights = {span.regime.name: span.regime for span in calendar.ranges}
    _replace(
        settings,
        WEIGHTS_TABLE,
        pa.table(
            {
                "regime": pa.array([regime.name for regime in weights.values()], pa.string()),
                "weight": pa.array([regime.weight for regime in weights.values()], pa.int64()),
                "description": pa.array([regime.description for regime in weights.values()], pa.string()),
            }
        ),
    )
    days = [
        (span.first + timedelta(days=offset), span.regime.name, span.first, span.last)
        for span in calendar.ranges
        for offset in range(span.days)
    ]
    columns = {
        field.name: pa.array(values, pa.string() if field.field_type == "STRING" else pa.date32())
        for field, values in zip(_schemas()[CALENDAR_TABLE], zip(*days, strict=True), strict=True)
    }
    _replace(settings, CALENDAR_TABLE, pa.table(columns))


def _table(project: str, feed: Feed) -> bigquery.Table:
    table = bigquery.Table(f"{project}.{feed.table}", _schema(feed))
    table.description = feed.description
    if feed.partition_by is not None:
        table.time_partitioning = bigquery.TimePartitioning(field=feed.partition_by)
    if feed.cluster_by:
        table.clustering_fields = list(feed.cluster_by)
    return table


def _schemas() -> dict[str, list[SchemaField]]:
    return {contract.table: _schema(contract) for contract in other_tables()}


def _schema(contract: Feed) -> list[SchemaField]:
    return schema_fields(field.to_api() for field in contract.schema)


def _create_missing(client: bigquery.Client, tables: list[bigquery.Table]) -> list[str]:
    made = []
    for name in dict.fromkeys(table.dataset_id for table in tables):
        dataset = bigquery.Dataset(f"{client.project}.{name}")
        dataset.location = client.location
        client.create_dataset(dataset, exists_ok=True, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
    for table in tables:
        try:
            client.create_table(table, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
        except Conflict:
            continue
        made.append(f"{table.dataset_id}.{table.table_id}")
    return made


def _replace(settings: Settings, table: str, rows: pa.Table) -> None:
    client = bigquery_client(settings)
    outputs = Outputs(ObjectStore(storage_client(settings)), settings.require_output_bucket())
    content = io.BytesIO()
    pq.write_table(rows, content)
    name = outputs.regimes(content.getvalue())
    outputs.create_parquet(name, content.getvalue())
    load = ParquetLoad(
        uri=outputs.uri(name),
        table=f"{client.project}.{table}",
        schema=_schemas()[table],
        labels={"component": "cbi"},
        replace_rows=True,
    )
    unique = uuid4().hex  # the same rows may be wanted again, after others
    spec = JobSpec(
        lambda attempt: f"cbi_regimes_{unique}_{attempt}",
        lambda job_id: load.insert(client, settings.bigquery_location, job_id),
    )
    jobs = Jobs(client, settings.bigquery_location)
    done = jobs.run(spec, Deadline.after(5 * REQUEST_TIMEOUT))
    if done.fault is not None:
        raise error_of(done.fault, f"{table} could not be replaced")
