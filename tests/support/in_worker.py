"""Files prepared by a worker as the function does it, with a bucket and a table that are not there."""

import pickle
from datetime import UTC, datetime

from cbi.contract.catalog import load_feed
from cbi.deadline import Deadline
from cbi.findings import ExistingKeys
from cbi.gcs.identity import StagedFile
from cbi.lookups.regime_calendar import load_regimes_file
from cbi.runs.in_worker import prepare_in_worker
from cbi.runs.plan import Found
from cbi.runs.report import Source
from cbi.runs.worker_job import Prepared, PrepareFile
from cbi.runs.worker_requests import (
    CopyStaged,
    FindExistingKeys,
    Read,
    RefreshCalendar,
    Write,
    decode_request,
)
from cbi.settings import EnrichStrategy, Settings
from cbi.workers.channel import Bytes
from cbi.workers.pool import Workers
from cbi.workers.zygote import replace_zygote, start_zygote

FEED, CALENDAR = load_feed("daily_ml_matrix"), load_regimes_file()


class MemoryServer:
    """Has one file's bytes; what is written is counted."""

    def __init__(self, content: bytes) -> None:
        self.file = StagedFile("in", f"staged/{FEED.name}/x.parquet", 1)
        self.written = 0
        self._content = content

    def serve(self, head: bytes, payload: memoryview) -> Bytes:
        match decode_request(head):
            case Read(start, length):
                return memoryview(self._content)[start : start + length]
            case Write():
                self.written += len(payload)
            case CopyStaged():
                return pickle.dumps(True)
            case FindExistingKeys():
                return pickle.dumps(ExistingKeys(0))
            case RefreshCalendar():
                return pickle.dumps(CALENDAR)
        return b""

    def close(self) -> None:
        pass


def prepared(
    workers: Workers,
    content: bytes,
    strategy: EnrichStrategy,
    settings: Settings,
    server: MemoryServer | None = None,
) -> Prepared:
    """What a worker makes of a file."""
    server = server or MemoryServer(content)
    job = PrepareFile(
        feed=FEED,
        calendar=CALENDAR,
        strategy=strategy,
        looks_for_keys=FEED.check_existing_keys != "off",
        settings=settings,
        found=Found(Source(server.file.uri, server.file.generation), FEED.name),
        file=server.file,
        size=len(content),
        finalized_at=datetime(2026, 11, 24, tzinfo=UTC),
        claim="content/x.json",
    )
    return prepare_in_worker(workers, job, server, Deadline.never())


def fresh_workers(memory_bytes: int, module: str) -> Workers:
    """Workers of a new interpreter: what this process has imported and taken before is nothing to them."""
    replace_zygote(start_zygote((module,)), (module,))
    return Workers(memory_bytes, (module,))
