"""Contracts that lie in a bucket serve commands and the function as those in a folder do."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from support.cloud import Cloud
from support.command_line import cbi
from support.tables import days, to_parquet

from cbi.local.stack import OUTPUT_BUCKET, running_stack

pytestmark = pytest.mark.servers

FEEDS = f"gs://{OUTPUT_BUCKET}/contracts"
FEED = """
table: fetched.prices
key: [contract, day]
partition_by: day
schema:
  - {name: contract, type: STRING, mode: REQUIRED}
  - {name: day, type: DATE, mode: REQUIRED}
  - {name: price, type: FLOAT64}
"""
PRICES = pa.table({"contract": ["ZLH7"] * 3, "day": days(3), "price": [1.0, 2.0, 3.0]})


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A stack whose function has its contracts in a bucket, and one contract there."""
    with running_stack(tmp_path_factory.mktemp("fetched"), env={"CBI_FEEDS": FEEDS}) as stack:
        cloud = Cloud.of_stack(stack)
        bucket = cloud.storage.bucket(OUTPUT_BUCKET)
        bucket.blob("contracts/fetched_prices.yaml").upload_from_string(FEED)
        bucket.blob("contracts/older/fetched_prices.yaml").upload_from_string("is not read")
        yield cloud


@pytest.fixture
def environment(own_cloud: Cloud) -> dict[str, str]:
    return {**own_cloud.environment, "CBI_FEEDS": FEEDS}


def test_a_file_is_loaded_by_a_contract_in_a_bucket(own_cloud: Cloud, environment: dict[str, str]) -> None:
    done = cbi("init", environment=environment)
    assert (done.returncode, "made fetched.prices" in done.stdout) == (0, True), done.stderr
    report = own_cloud.ingest(PRICES, "staged/fetched_prices/x.parquet")
    assert (report["status"], report["rows_loaded"]) == ("success", 3), report["message"]


def test_a_contract_in_a_bucket_is_checked_and_not_changed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert cbi("feed", "check", environment=environment).stdout == "all 4 contracts are sound\n"
    path = tmp_path / "x.parquet"
    to_parquet(PRICES.append_column("extra", pa.array([1, 2, 3])), path)
    done = cbi("feed", "evolve", path, "--feed", "fetched_prices", environment=environment)
    assert done.returncode == 1
    assert "set it to the folder of the contracts to be changed" in done.stderr


def test_a_prefix_without_contracts_is_told(environment: dict[str, str]) -> None:
    done = cbi("feed", "check", environment={**environment, "CBI_FEEDS": f"{FEEDS}/none"})
    assert done.returncode == 1
    assert "no NAME.yaml is there" in done.stderr
