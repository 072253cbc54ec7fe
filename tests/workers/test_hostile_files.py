"""Files that are much to decode, or end who decodes them, fail with the reason, in time, within memory."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.cloud import Cloud
from support.hostile_files import HOSTILE, many_row_groups
from support.in_worker import fresh_workers, prepared
from support.tally import LONG

from cbi.errors import Reason
from cbi.runs import worker_job
from cbi.settings import EnrichStrategy, Settings
from cbi.workers.pool import Workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")

ROOT = Path(__file__).parents[2]

REASONS = {
    "one_long_string": Reason.TOO_LARGE,
    "long_dictionary_entries": Reason.TOO_LARGE,
    "many_equal_rows": Reason.TOO_LARGE,
    "dictionary_shorter_than_its_codes": Reason.UNREADABLE_FILE,
    "broken_text_dates": Reason.VALIDATION_FAILED,
}

# As many as loading took gigabytes for, where time is no matter.
ROW_GROUPS = 19_000 if LONG else 1_000


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(worker_memory_bytes=256 << 20, worker_seconds=60)


@pytest.fixture(scope="module")
def workers(settings: Settings) -> Workers:
    return fresh_workers(settings.worker_memory_bytes, worker_job.__name__)


def test_every_hostile_file_has_its_reason() -> None:
    assert set(REASONS) == set(HOSTILE)


@pytest.mark.parametrize("strategy", ["rewrite", "splice"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_fails(
    workers: Workers, settings: Settings, name: str, strategy: EnrichStrategy
) -> None:
    failure = prepared(workers, HOSTILE[name](), strategy, settings).failure
    assert failure is not None
    assert failure.reason is REASONS[name]


def test_who_is_told_why_a_worker_was_stopped_knows_what_to_do(workers: Workers, settings: Settings) -> None:
    large = prepared(workers, HOSTILE["one_long_string"](), "rewrite", settings).failure
    damaged = prepared(workers, HOSTILE["dictionary_shorter_than_its_codes"](), "rewrite", settings).failure
    hasty = Settings(worker_memory_bytes=settings.worker_memory_bytes, worker_seconds=0.001)
    slow = prepared(workers, many_row_groups(2_000), "rewrite", hasty).failure
    assert large is not None
    assert damaged is not None
    assert slow is not None
    assert "takes more than 256 MiB of memory (WORKER_MEMORY_BYTES); split it" in large.message
    assert "ended the process that read it (SIG" in damaged.message
    assert "takes longer than 0.001 s (WORKER_SECONDS); split it" in slow.message


PROGRAM = """
import resource, sys
sys.path[:0] = ["tests", "."]
from workers.test_hostile_files import Settings, Workers, many_row_groups, prepared
from cbi.workers.zygote import start_zygote, stop_zygote
content = many_row_groups({count})
settings = Settings(worker_memory_bytes={memory})
start_zygote()
workers = Workers(settings.worker_memory_bytes)
begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for strategy in ("rewrite", "splice"):
    found = prepared(workers, content, strategy, settings)
    assert found.failure is None, found.failure
    assert found.found.validation.rows_enriched == {count}
workers.close()
stop_zygote()
print(begin, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_many_row_groups_are_loaded_in_a_fraction_of_the_memory() -> None:
    program = PROGRAM.format(count=ROW_GROUPS, memory=768 << 20)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    begin, peak = map(int, done.stdout.split())
    assert peak < begin + (600 << 10 if LONG else 150 << 10)  # kB, of all workers


def test_the_function_lives_on_and_others_are_loaded_meanwhile(cloud: Cloud, unique: str) -> None:
    hostile = {
        name: cloud.drop(make(), f"staged/{unique} {name}.parquet")
        for name, make in HOSTILE.items()
        if name != "many_equal_rows"  # which takes half a minute with the function's settings
    }
    good = [
        cloud.drop(many_row_groups(1 + number), f"staged/{unique} {number}.parquet") for number in range(3)
    ]
    for number, file in enumerate(good):
        report = cloud.report(file)
        assert (report["status"], report["rows_loaded"]) == ("success", 1 + number), report
    for name, file in hostile.items():
        report = cloud.report(file)
        assert (report["status"], report["reason"]) == ("failed", REASONS[name])
        assert cloud.count(file.run_id) == 0
