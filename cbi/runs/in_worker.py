"""A file prepared where it can do no harm, and what becomes of one that stops its worker."""

import logging
from typing import Protocol

import msgspec

from cbi.deadline import Deadline
from cbi.decoding import ready
from cbi.errors import Reason, Transient
from cbi.findings import Failure
from cbi.gcs.identity import StagedFile
from cbi.runs.worker_job import Prepared, PrepareFile
from cbi.workers.channel import Bytes
from cbi.workers.limits import Cause
from cbi.workers.pool import NoRoom, Stopped, Workers

_log = logging.getLogger(__name__)


class Server(Protocol):
    """Who carries out what the worker of one file asks for, until it is closed."""

    @property
    def file(self) -> StagedFile: ...

    def serve(self, head: bytes, payload: memoryview) -> Bytes: ...

    def close(self) -> None: ...


def prepare_in_worker(workers: Workers, job: PrepareFile, server: Server, deadline: Deadline) -> Prepared:
    """Open, validate and enrich a file where it can do no harm.

    A file that stops its worker has failed. Raises Transient where time runs out that is not the file's own,
    and what the server raises.
    """
    allowed, left = job.settings.worker_seconds, deadline.seconds_left
    try:
        result = workers.run(job, server.serve, min(allowed, left))
    except NoRoom as error:
        raise Transient(f"{server.file.uri} waited for memory until time was up") from error
    except Stopped as stopped:
        fields = {"event": "worker_stopped", "cause": str(stopped.cause), "peak_bytes": stopped.peak}
        _log.warning("the worker of %s was stopped: %s", server.file.uri, stopped, extra={"fields": fields})
        if stopped.cause is Cause.TIME and left < allowed:
            raise Transient(f"time ran out while {server.file.uri} was read") from stopped
        return Prepared(job.found, failure=_failure(stopped, job))
    finally:
        server.close()
    return msgspec.msgpack.decode(result, type=ready(Prepared))


def _failure(stopped: Stopped, job: PrepareFile) -> Failure:
    """What a person is told of a file that stopped its worker."""
    settings = job.settings
    match stopped.cause:
        case Cause.MEMORY:
            found = f"reading the file takes more than {settings.worker_memory_bytes >> 20:,} MiB of memory"
            return Failure(Reason.TOO_LARGE, f"{found} (WORKER_MEMORY_BYTES); {_SPLIT}")
        case Cause.TIME:
            found = f"reading the file takes longer than {settings.worker_seconds:,g} s (WORKER_SECONDS)"
            return Failure(Reason.TOO_LARGE, f"{found}; {_SPLIT}")
    found = f"reading the file ended the process that read it ({stopped.details}), so it is damaged"
    return Failure(Reason.UNREADABLE_FILE, f"{found}; write it again and drop it again")


_SPLIT = "split it, write its row groups smaller, or raise the setting"
