"""What a worker has written is what its file is, though another worker had begun it and was stopped."""

from functools import partial

import pytest
from support.cloud import Cloud
from support.in_worker import CALENDAR, FEED, fresh_workers

from cbi.contract.target import Target
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.lookups.regime_cache import RegimeCache
from cbi.runs import worker_requests
from cbi.runs.worker_server import WorkerServer
from cbi.telemetry.timings import Timings
from cbi.workers.pool import SMALL
from cbi.workers.worker import Ask

MEMORY = 256 << 20
BEGINNING, END = b"a" * (12 << 20), b"b" * (3 << 20)


@pytest.fixture
def server(cloud: Cloud, unique: str) -> WorkerServer:
    store = ObjectStore(cloud.storage)
    return WorkerServer(
        store=store,
        outputs=Outputs(store, cloud.output_bucket),
        bigquery=cloud.bigquery,
        regimes=RegimeCache(cloud.bigquery),
        file=StagedFile(cloud.staging_bucket, f"staged/{unique}.parquet", 1),
        target=Target.of(FEED),
        calendar=CALENDAR,
        timings=Timings(),
    )


def write(ask: Ask, name: str, taking: int) -> bytes:
    """Write an object, and take so much memory in the middle of it."""
    with worker_requests.Cloud(ask).open_parquet(name) as target:
        target.write(BEGINNING)
        taken = bytearray(taking)
        target.write(END)
        target.commit()
    return str(len(taken)).encode()


def test_an_object_that_a_small_worker_had_begun_is_written_from_its_beginning_by_a_large_one(
    cloud: Cloud, server: WorkerServer
) -> None:
    name = Outputs.enriched(server.file.run_id, "0a1b2c3d", "0")
    workers = fresh_workers(MEMORY, __name__)
    workers.run(partial(write, name=name, taking=MEMORY // SMALL), server.serve, 60)
    workers.close()
    content = cloud.storage.bucket(cloud.output_bucket).blob(name).download_as_bytes()
    assert len(content) == len(BEGINNING) + len(END)
    assert content == BEGINNING + END
