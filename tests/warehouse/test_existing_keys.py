"""Keys that the table has already are found whatever their number, by requests that BigQuery takes."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from support.bigquery_errors import ACCESS_DENIED, NO_TABLE, QUOTA_EXCEEDED, UNKNOWN_COLUMN
from support.cloud import Cloud
from support.faults import Fault, Faults, proxy
from support.warehouse_tables import Table, create_table

from cbi.errors import CbiError, Misconfigured, Transient
from cbi.gcs.identity import StagedFile
from cbi.local.stack import Stack
from cbi.warehouse.existing_keys import find_existing_keys

FILE = StagedFile("in", "staged/x.parquet", 1)
FIRST_DAY = date(2024, 1, 1)
CONTRACT: dict[str, Any] = {
    "key": ["order_id", "day"],
    "partition_by": "day",
    "enrich": {"run": "run_id"},
    "schema": [
        {"name": "order_id", "type": "STRING", "mode": "REQUIRED"},
        {"name": "day", "type": "DATE", "mode": "REQUIRED"},
        {"name": "run", "type": "STRING"},
    ],
}


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def client(stack: Stack, faults: Faults) -> Iterator[bigquery.Client]:
    """A client whose requests are seen."""
    with proxy(stack.bigquery, faults) as base:
        yield bigquery.Client(
            project=stack.project,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": base},
        )


def queries(faults: Faults) -> int:
    return sum(request.startswith("POST") and "/jobs" in request for request in faults.seen)


def keys(order_ids: list[str], days: list[date]) -> pa.Table:
    """Keys as the checks leave them."""
    return pa.table({"order_id": pa.array(order_ids).dictionary_encode(), "day": days})


def fill(table: Table, order_ids: list[str], days: list[date]) -> None:
    rows = pa.table({"order_id": order_ids, "day": days, "run": [FILE.run_id] * len(days)})
    assert table.load(table.run(FILE, rows)).rows == len(days)


def spread(count: int, days: int) -> list[date]:
    """So many rows, evenly over some days, in order."""
    return [FIRST_DAY + timedelta(number * days // count) for number in range(count)]


def test_more_text_than_a_request_may_have_is_asked_for_in_slices(
    cloud: Cloud, client: bigquery.Client, faults: Faults
) -> None:
    """12 MB of text, where BigQuery takes requests of 10."""
    table = create_table(cloud, "orders", {**CONTRACT, "table": "keys.orders"})
    ids = [f"order-{number:0394d}" for number in range(30_000)]
    days = spread(len(ids), 30)
    fill(table, ids[::3], days[::3])
    found = find_existing_keys(client, table.target, keys(ids, days))
    assert found.count == len(ids[::3])
    assert [key["order_id"] for key in found.keys] == ids[: 3 * 20 : 3]
    assert queries(faults) == 2


@pytest.fixture(scope="module")
def table(cloud: Cloud) -> Table:
    """A hundred orders, every one on each of four days, and one whose id is long."""
    table = create_table(cloud, "few_orders", {**CONTRACT, "table": "keys.few_orders"})
    ids = [f"order-{number:04d}" for number in range(100)]
    fill(table, [*ids * 4, "é" * 3000], [*spread(400, 4), FIRST_DAY])
    return table


def find(client: bigquery.Client, table: Table, asked: pa.Table, most_text: int) -> int:
    return find_existing_keys(client, table.target, asked, most_text).count


@pytest.mark.parametrize(
    ("order_ids", "days", "expected_queries"),
    [
        pytest.param(50, spread(50, 4), 2, id="each id on one day: cut by days"),
        pytest.param(50, [FIRST_DAY] * 50, 2, id="one day: cut by ids"),
        pytest.param(50, [FIRST_DAY + timedelta(day) for day in range(4) for _ in range(50)], 2, id="panel"),
        pytest.param(200, spread(200, 1), 8, id="twice as many as there are"),
    ],
)
def test_a_slice_reads_as_few_partitions_as_can_be(
    client: bigquery.Client,
    faults: Faults,
    table: Table,
    order_ids: int,
    days: list[date],
    expected_queries: int,
) -> None:
    ids = [f"order-{number:04d}" for number in range(order_ids)] * (len(days) // order_ids)
    assert find(client, table, keys(ids, days), most_text=1000) == min(
        len(days), 100 * (len(days) // order_ids)
    )
    assert queries(faults) == expected_queries


def test_a_text_that_fits_no_request_is_looked_for_among_the_days_keys(
    client: bigquery.Client, faults: Faults, table: Table
) -> None:
    asked = keys(["é" * 3000, "order-0000", "ö" * 3000], [FIRST_DAY] * 3)
    assert find(client, table, asked, most_text=1000) == 2
    assert queries(faults) == 3


@pytest.mark.parametrize(
    ("status", "body", "raised", "message"),
    [
        (403, QUOTA_EXCEEDED, Transient, "Quota exceeded"),
        (403, ACCESS_DENIED, Misconfigured, "deploy/accounts.tf"),
        (404, NO_TABLE, Misconfigured, "run `python -m cbi init`"),
        (400, UNKNOWN_COLUMN, Misconfigured, "compare the table with the feed's contract"),
    ],
)
def test_a_question_that_fails_is_raised_as_whose_fault_it_is(
    client: bigquery.Client,
    faults: Faults,
    table: Table,
    status: int,
    body: bytes,
    raised: type[CbiError],
    message: str,
) -> None:
    faults.plan(lambda number, request: Fault(status=status, body=body))
    with pytest.raises(raised, match=message):
        find_existing_keys(client, table.target, keys(["order-0000"], [FIRST_DAY]))
