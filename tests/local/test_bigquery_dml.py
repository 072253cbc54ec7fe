"""What a statement that changes rows did can be asked of its job, and a MERGE may not be ambiguous."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery

MERGE = """
MERGE `{table}` AS T USING `{table}_new` AS S ON T.id = S.id
WHEN MATCHED THEN UPDATE SET `value` = S.`value`
WHEN NOT MATCHED THEN INSERT (`id`, `value`) VALUES (S.`id`, S.`value`)
"""


@pytest.fixture
def table(client: bigquery.Client) -> Iterator[str]:
    """A table of ids 1 to 3, beside one of ids 3 to 6 to merge into it."""
    dataset = f"{client.project}.dml_{uuid4().hex}"
    client.create_dataset(dataset)
    for name, first, last in (("numbers", 1, 3), ("numbers_new", 3, 6)):
        run(client, f"CREATE TABLE `{dataset}.{name}` (id INT64, value INT64)")
        rows = ", ".join(f"({number}, {number})" for number in range(first, last + 1))
        run(client, f"INSERT INTO `{dataset}.{name}` (id, value) VALUES {rows}")
    yield f"{dataset}.numbers"
    client.delete_dataset(dataset, delete_contents=True)


def run(client: bigquery.Client, sql: str, job_id: str | None = None) -> bigquery.QueryJob:
    job = client.query(sql, job_id=job_id or uuid4().hex, job_retry=None)
    job.result()
    return job


def counts(job: bigquery.QueryJob) -> tuple[int, int, int]:
    stats = job.dml_stats
    assert stats is not None
    return stats.inserted_row_count, stats.updated_row_count, stats.deleted_row_count


def test_each_statement_says_what_it_did(client: bigquery.Client, table: str) -> None:
    assert counts(run(client, MERGE.format(table=table))) == (3, 1, 0)
    assert counts(run(client, f"UPDATE `{table}` SET value = 0 WHERE id > 4")) == (0, 2, 0)
    assert counts(run(client, f"DELETE FROM `{table}` WHERE id > 4")) == (0, 0, 2)
    assert counts(run(client, f"INSERT INTO `{table}` (id, value) VALUES (9, 9)")) == (1, 0, 0)


def test_a_job_still_says_so_later(client: bigquery.Client, table: str) -> None:
    job_id = run(client, MERGE.format(table=table)).job_id
    job = client.get_job(job_id, location="US")
    assert isinstance(job, bigquery.QueryJob)
    assert counts(job) == (3, 1, 0)


def test_a_used_id_runs_nothing_again(client: bigquery.Client, table: str) -> None:
    sql, job_id = f"INSERT INTO `{table}` (id, value) VALUES (9, 9)", uuid4().hex
    run(client, sql, job_id)
    with pytest.raises(Conflict):
        run(client, sql, job_id)
    (row,) = client.query(f"SELECT count(*) AS n FROM `{table}` WHERE id = 9").result()
    assert row.n == 1


def test_a_row_of_the_target_may_match_one_of_the_source_at_most(client: bigquery.Client, table: str) -> None:
    run(client, f"INSERT INTO `{table}_new` (id, value) VALUES (3, 33)")
    with pytest.raises(BadRequest, match="at most one source row"):
        run(client, MERGE.format(table=table))
    (row,) = client.query(f"SELECT count(*) AS n, max(value) AS most FROM `{table}`").result()
    assert (row.n, row.most) == (3, 3)


@pytest.mark.parametrize("missing", ["numbers", "numbers_new"])
def test_a_missing_table_is_not_found(client: bigquery.Client, table: str, missing: str) -> None:
    dataset = table.removesuffix(".numbers")
    client.delete_table(f"{dataset}.{missing}")
    with pytest.raises(NotFound, match=rf"Not found: Table .*\.{missing}\n"):
        run(client, MERGE.format(table=table))
