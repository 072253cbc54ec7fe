"""Which keys of a file the table has already: an append does not mind, but people do.

The table is asked for the partitions of the file's dates and the file's values of the key's text columns;
what it answers is compared with the file here. BigQuery takes requests of 10 MB, so the keys are cut into
slices whose text fits. The answers are read page by page, and take no more memory than the file's keys do.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from google.cloud import bigquery

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT
from cbi.contract.target import Target
from cbi.faults import cloud_error
from cbi.findings import ExistingKeys
from cbi.warehouse.key_slices import KeySlice, distinct
from cbi.warehouse.statements import keys_statement

_SHOWN_KEYS = 20

# BigQuery takes 10 MB: https://cloud.google.com/bigquery/quotas#query_jobs
_MOST_TEXT = 8_000_000

# An answer's rows are compared with the file's at least this many at once.
_COMPARED_ROWS = 1 << 18


def find_existing_keys(
    client: bigquery.Client, target: Target, keys: pa.Table, most_text: int = _MOST_TEXT
) -> ExistingKeys:
    """Ask the table for the keys both have, and return how many, and the first.

    `keys` has the target's key columns, in its order, one row for each row of the file; text is encoded by
    dictionaries. `most_text` is how many bytes of text go into one request.
    Raises Transient, and Misconfigured where the table is not as the contract says.
    """
    count, shown = 0, keys.slice(0, 0).cast(_plain(keys.schema))
    order = [(name, "ascending") for name in target.key]
    for key_slice in KeySlice.of(target, keys).slices(most_text):
        for both in _common(client, target, key_slice, most_text):
            count += len(both)
            shown = pa.concat_tables([shown, both]).sort_by(order).slice(0, _SHOWN_KEYS)
    return ExistingKeys(count, tuple(shown.to_pylist()))


def _common(client: bigquery.Client, target: Target, keys: KeySlice, most_text: int) -> Iterator[pa.Table]:
    """The keys that both have, each once, as plain columns of the target's names."""
    plain = keys.rows.cast(_plain(keys.rows.schema))
    answer = _ask(client, target, keys, keys.texts if keys.text_bytes <= most_text else ())
    for there in _at_once(answer, max(_COMPARED_ROWS, len(plain))):
        found = there.rename_columns(list(target.key)).cast(plain.schema)
        yield found.join(plain, list(target.key), join_type="left semi")


def _ask(
    client: bigquery.Client, target: Target, keys: KeySlice, listed: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """The table's keys of the days, and of the listed columns' texts, page by page."""
    table = f"{client.project}.{target.table}"
    sql, names = keys_statement(target, table, between_days=keys.day is not None, listed=listed)
    parameters: list[Any] = [
        bigquery.ArrayQueryParameter(name, "STRING", distinct(keys.rows[path]).to_pylist())
        for path, name in zip(target.key, names, strict=True)
        if path in listed
    ]
    if keys.day is not None:
        first, last = _extremes(keys.rows[keys.day])
        parameters.append(bigquery.ScalarQueryParameter("first", "DATE", first))
        parameters.append(bigquery.ScalarQueryParameter("last", "DATE", last))
    try:
        job = client.query(
            sql,
            job_config=bigquery.QueryJobConfig(query_parameters=parameters, labels={"component": "cbi"}),
            retry=BIGQUERY_RETRY,
            timeout=REQUEST_TIMEOUT,
        )
        rows = job.result(retry=BIGQUERY_RETRY, timeout=5 * REQUEST_TIMEOUT)
        if rows.total_rows:
            yield from rows.to_arrow_iterable()
    except CLOUD_FAULTS as error:
        raise cloud_error(error, f"{target.table} could not be asked for the file's keys") from error


def _at_once(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Batches put together to tables of at least this many rows, but for the last."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= rows:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _extremes(days: pa.ChunkedArray) -> tuple[date, date]:
    extremes = pc.min_max(days)
    return extremes["min"].as_py(), extremes["max"].as_py()


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema without dictionaries."""
    return pa.schema([(field.name, _value_type(field.type)) for field in schema])


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
