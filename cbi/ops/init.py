"""The datasets, tables, columns and regimes that the function needs, made where they are missing."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.exceptions import Conflict, PreconditionFailed
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT, bigquery_client, storage_client
from cbi.contract.catalog import load_feeds, other_tables
from cbi.contract.feed import Feed
from cbi.contract.table_changes import TableChanges, compare_table
from cbi.deadline import Deadline
from cbi.errors import Misconfigured, Transient
from cbi.faults import cloud_error, error_of
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.lookups.regime_cache import CALENDAR_TABLE, WEIGHTS_TABLE
from cbi.lookups.regime_calendar import RegimeCalendar, load_regimes_file
from cbi.settings import Settings
from cbi.warehouse.inserts import ParquetLoad
from cbi.warehouse.jobs import Jobs, JobSpec
from cbi.warehouse.schema import schema_fields

# A table is another at each load, so a busy one may have changed between being read and being written.
_CHANGES_TRIED = 5


@dataclass(frozen=True)
class Initialised:
    """Which tables were made and which columns added, in that order, and what an operator may want to do."""

    made: tuple[str, ...]
    added: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it, for a person to read."""
        made = (f"made {table}" for table in self.made)
        added = (f"added {column}" for column in self.added)
        return (*made, *added, *self.differences)


def initialise(settings: Settings) -> Initialised:
    """Make every dataset and table that is missing, and add to the others the columns their contracts gained.

    Safe to repeat, also by several at once: nothing that is there is changed or removed. The regime tables
    are filled from `regimes.yaml` while the calendar is empty. Raises Transient and Misconfigured, the latter
    also for contracts that are broken, after everything is done for all others.
    """
    client = bigquery_client(settings)
    feeds, errors = load_feeds()
    try:
        done = _make_tables(client, [*feeds, *other_tables()])
        calendar = client.get_table(
            f"{client.project}.{CALENDAR_TABLE}", retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT
        )
        no_regimes = not any(client.list_rows(calendar, max_results=1, timeout=REQUEST_TIMEOUT))
    except CLOUD_FAULTS as error:
        raise cloud_error(error, "the tables could not be made") from error
    if no_regimes:
        apply_regimes(settings, load_regimes_file())
    if errors:
        broken = f"these contracts are broken; all other tables are there ({len(done.made)} of them new):"
        raise Misconfigured("\n".join([broken, *map(str, errors), *done.lines]))
    return done


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


def _make_tables(client: bigquery.Client, contracts: Iterable[Feed]) -> Initialised:
    made, added, differences = [], [], []
    contracts = list(contracts)
    for name in dict.fromkeys(contract.table.partition(".")[0] for contract in contracts):
        dataset = bigquery.Dataset(f"{client.project}.{name}")
        dataset.location = client.location
        client.create_dataset(dataset, exists_ok=True, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
    for contract in contracts:
        table = _table(client.project, contract)
        try:
            client.create_table(table, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
            made.append(contract.table)
        except Conflict:
            changes = _add_columns(client, contract)
            added += [f"{path} to {contract.table}" for path in changes.added]
            differences += [f"{contract.table}: {difference}" for difference in changes.differences]
    return Initialised(tuple(made), tuple(added), tuple(differences))


def _add_columns(client: bigquery.Client, contract: Feed) -> TableChanges:
    """Add to a table that is there what its contract has gained; with its etag, so that nobody's change is
    undone."""
    path = f"{client.project}.{contract.table}"
    for _ in range(_CHANGES_TRIED):
        table = client.get_table(path, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
        changes = compare_table(table.to_api_repr(), contract)
        if not changes.added:
            return changes
        table.schema = schema_fields(changes.schema)
        try:
            client.update_table(table, ["schema"], retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
        except PreconditionFailed:
            continue
        return changes
    raise Transient(f"{path} was changed by others each time it was to get new columns; run this again")


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
