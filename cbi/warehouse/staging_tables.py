"""The tables of a part's own that an upsert loads it into, before it is merged into the feed's table."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import Conflict, NotFound
from google.cloud import bigquery

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT
from cbi.faults import cloud_error

# Long after a run's events have stopped coming, its staging tables go by themselves.
_LIFE = timedelta(days=7)


def create_staging_table(client: bigquery.Client, name: str, target_table: str) -> None:
    """Make a staging table where it is missing, with the target's own schema; both `project.dataset.table`.

    A load goes by names, but a MERGE assigns a STRUCT's fields by their order, which is another than the
    contract's where a field was added to the table later.
    https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#struct_coercion
    Raises what the client raises.
    """
    target = client.get_table(target_table, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
    table = bigquery.Table(name, target.schema)
    table.expires = datetime.now(UTC) + _LIFE
    # Not with exists_ok, which looks the table up and fails where another delivery removes it meanwhile.
    with suppress(Conflict):
        client.create_table(table, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)


def staged_rows(client: bigquery.Client, name: str) -> int:
    """How many rows a staging table has; none where it has expired. Raises what the client raises."""
    with suppress(NotFound):
        return int(client.get_table(name, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT).num_rows or 0)
    return 0


def drop_staging_table(client: bigquery.Client, name: str) -> None:
    """Remove a staging table, if it is there. Raises Transient and Misconfigured."""
    try:
        client.delete_table(name, not_found_ok=True, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
    except CLOUD_FAULTS as error:
        raise cloud_error(error, f"{name} could not be deleted") from error
