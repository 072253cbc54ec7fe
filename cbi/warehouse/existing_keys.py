"""Which keys of a file the table has already: an append does not mind, but people do."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from google.cloud import bigquery

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT
from cbi.contract.target import Target
from cbi.errors import Transient
from cbi.findings import ExistingKeys

_SHOWN_KEYS = 20


def find_existing_keys(client: bigquery.Client, target: Target, keys: pa.Table) -> ExistingKeys:
    """Ask the table, by one query over the partitions of the file's dates, for the keys both have.

    `keys` has the target's key columns, in its order, one row for each row of the file.
    """
    first, last = _dates(target, keys)
    text = [name for name in target.key if pa.types.is_string(_value_type(keys[name].type))]
    where = [f"{target.partition_by} BETWEEN @first AND @last"] if first else []
    where += [f"{name} IN UNNEST(@{name})" for name in text]
    parameters: list[Any] = []
    if first:
        parameters += [
            bigquery.ScalarQueryParameter("first", "DATE", first),
            bigquery.ScalarQueryParameter("last", "DATE", last),
        ]
    parameters += [
        bigquery.ArrayQueryParameter(name, "STRING", _distinct(keys[name]).to_pylist()) for name in text
    ]
    sql = (
        f"SELECT DISTINCT {', '.join(target.key)} FROM `{client.project}.{target.table}`"
        f" WHERE {' AND '.join(where) or 'TRUE'}"
    )
    try:
        job = client.query(
            sql,
            job_config=bigquery.QueryJobConfig(query_parameters=parameters, labels={"component": "cbi"}),
            retry=BIGQUERY_RETRY,
            timeout=REQUEST_TIMEOUT,
        )
        rows = job.result(retry=BIGQUERY_RETRY, timeout=5 * REQUEST_TIMEOUT)
        there = rows.to_arrow(create_bqstorage_client=False) if rows.total_rows else None
    except CLOUD_FAULTS as error:
        raise Transient(f"{target.table} could not be asked for the file's keys: {error}") from error
    return ExistingKeys(0) if there is None else _common(keys, there, target.key)


def _distinct(column: pa.ChunkedArray) -> pa.Array:
    """The values of a column of dictionaries, each chunk of which may have another."""
    return pc.unique(
        pa.chunked_array(
            [chunk.dictionary.take(pc.unique(chunk.indices)) for chunk in column.chunks],
            column.type.value_type,
        )
    )


def _dates(target: Target, keys: pa.Table) -> tuple[date | None, date | None]:
    if target.partition_by not in target.key:
        return None, None
    extremes = pc.min_max(keys[target.partition_by])
    return extremes["min"].as_py(), extremes["max"].as_py()


def _common(keys: pa.Table, there: pa.Table, names: Sequence[str]) -> ExistingKeys:
    plain = pa.table({name: keys[name].cast(_value_type(keys[name].type)) for name in names})
    both = plain.join(there.cast(plain.schema), list(names), join_type="left semi")
    order = [(name, "ascending") for name in names]
    return ExistingKeys(len(both), tuple(both.sort_by(order).slice(0, _SHOWN_KEYS).to_pylist()))


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
