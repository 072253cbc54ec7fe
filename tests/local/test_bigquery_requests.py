"""What BigQuery takes in one request."""

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery


def ask_for_length(client: bigquery.Client, text: str) -> int:
    parameter = bigquery.ScalarQueryParameter("text", "STRING", text)
    config = bigquery.QueryJobConfig(query_parameters=[parameter])
    (row,) = client.query("SELECT LENGTH(@text) AS n", job_config=config).result()
    return int(row["n"])


def test_a_request_of_more_than_ten_megabytes_is_refused(client: bigquery.Client) -> None:
    assert ask_for_length(client, "x" * 9_000_000) == 9_000_000
    with pytest.raises(BadRequest, match="Request payload size exceeds the limit: 10485760 bytes") as refused:
        ask_for_length(client, "x" * 11_000_000)
    assert refused.value.errors[0]["reason"] == "badRequest"
