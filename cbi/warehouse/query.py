"""A query for people: its rows, or what BigQuery says against it."""

from collections.abc import Sequence

from google.cloud import bigquery
from google.cloud.bigquery.table import RowIterator, _EmptyRowIterator

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT
from cbi.faults import cloud_error

_LONGEST_SECONDS = 300


def run_query(
    client: bigquery.Client, sql: str, parameters: Sequence[bigquery.ScalarQueryParameter] = ()
) -> RowIterator | _EmptyRowIterator:
    """Run SQL, relative names in the client's project, and return its rows, none for a statement without.

    Raises Transient and Misconfigured.
    """
    config = bigquery.QueryJobConfig(query_parameters=list(parameters), labels={"component": "cbi"})
    try:
        job = client.query(sql, job_config=config, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)
        return job.result(timeout=_LONGEST_SECONDS)
    except CLOUD_FAULTS as error:
        raise cloud_error(error, "the query failed") from error
