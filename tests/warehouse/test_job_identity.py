"""Each part is loaded by one job that succeeds, however often and by how many it is tried."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
import requests
from support.cloud import Cloud

from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.local.sample import sample_table
from cbi.local.stack import Stack, running_stack

LAST = date(2026, 11, 20)
HEADERS = {
    "ce-id": "1",
    "ce-type": "google.cloud.storage.object.v1.finalized",
    "ce-source": "//storage.googleapis.com/projects/_/buckets/cbi-staging",
    "ce-specversion": "1.0",
    "content-type": "application/json",
}


@pytest.fixture(scope="module")
def untriggered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose events the tests deliver themselves, to a function with three seconds of time."""
    folder = tmp_path_factory.mktemp("identity")
    with running_stack(folder, with_trigger=False, env={"FUNCTION_TIMEOUT_SECONDS": "3"}) as stack:
        yield stack


@pytest.fixture
def cloud(untriggered: Stack) -> Iterator[Cloud]:
    yield Cloud.of_stack(untriggered)
    rules(untriggered, load_seconds=0, fail_next_loads=[], loads_per_table_per_day=1500)


def rules(stack: Stack, **changes: Any) -> None:
    """Change how the local BigQuery treats load jobs from now on."""
    requests.put(f"{stack.bigquery}/_local/settings", json=changes, timeout=10).raise_for_status()


def deliver(cloud: Cloud, file: StagedFile) -> int:
    assert cloud.function is not None
    event = {"bucket": file.bucket, "name": file.name, "generation": str(file.generation)}
    return requests.post(cloud.function, json.dumps(event), headers=HEADERS, timeout=60).status_code


def drop(cloud: Cloud, symbol: str) -> StagedFile:
    return cloud.drop(sample_table(6, LAST, symbol), f"staged/{symbol}.parquet")


def jobs(cloud: Cloud, file: StagedFile) -> list[str]:
    """The ids of a run's jobs."""
    return sorted(job.job_id for job in cloud.bigquery.list_jobs() if file.run_id in job.job_id)


def test_a_job_that_outlasts_the_function_is_finished_by_a_later_delivery(
    cloud: Cloud, untriggered: Stack, unique: str
) -> None:
    rules(untriggered, load_seconds=4)
    file = drop(cloud, unique)
    assert deliver(cloud, file) == 500
    assert cloud.read_report(file) is None
    # On a busy machine the job may have been inserted late, and outlast the second delivery too.
    assert 200 in (deliver(cloud, file) for _ in range(5))
    assert cloud.report(file)["rows_loaded"] == cloud.count(file.run_id) == 6
    assert len(jobs(cloud, file)) == 1


def test_fifty_deliveries_at_once_make_one_load_and_one_report(cloud: Cloud, unique: str) -> None:
    file = drop(cloud, unique)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: deliver(cloud, file), range(50)))
    assert answers == [200] * 50
    assert cloud.count(file.run_id) == 6
    assert len(jobs(cloud, file)) == 1
    assert [name for name in cloud.outputs("reports/") if unique in name] == [Outputs.report(file)]


def test_after_a_job_that_failed_for_nobodys_fault_comes_the_next_attempt(
    cloud: Cloud, untriggered: Stack, unique: str
) -> None:
    rules(untriggered, fail_next_loads=["backendError"])
    file = drop(cloud, unique)
    assert deliver(cloud, file) == 200
    (job,) = cloud.report(file)["load_jobs"]
    assert job["id"].endswith("_0_1")
    assert cloud.count(file.run_id) == 6


def test_an_outage_leaves_the_next_attempt_to_a_later_delivery(
    cloud: Cloud, untriggered: Stack, unique: str
) -> None:
    rules(untriggered, fail_next_loads=["backendError"] * 3)
    file = drop(cloud, unique)
    assert deliver(cloud, file) == 500
    assert deliver(cloud, file) == 200
    (job,) = cloud.report(file)["load_jobs"]
    assert job["id"].endswith("_0_3")
    assert cloud.count(file.run_id) == 6


def test_a_refused_load_is_a_failed_report_with_bigquerys_own_words(
    cloud: Cloud, untriggered: Stack, unique: str
) -> None:
    rules(untriggered, fail_next_loads=["invalid"])
    file = drop(cloud, unique)
    assert deliver(cloud, file) == 200
    report = cloud.report(file)
    assert (report["status"], report["reason"], report["rows_loaded"]) == ("failed", "load_failed", 0)
    job = cloud.bigquery.get_job(jobs(cloud, file)[0], location="US")
    assert job.error_result["message"] in report["message"]
    assert deliver(cloud, file) == 200
    assert cloud.count(file.run_id) == 0


def test_a_day_without_quota_ends_in_no_report_so_that_the_event_comes_again(
    cloud: Cloud, untriggered: Stack, unique: str
) -> None:
    rules(untriggered, loads_per_table_per_day=0)
    file = drop(cloud, unique)
    assert deliver(cloud, file) == 500
    rules(untriggered, loads_per_table_per_day=1500)
    assert deliver(cloud, file) == 200
    assert cloud.report(file)["rows_loaded"] == cloud.count(file.run_id) == 6
