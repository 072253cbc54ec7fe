"""What the worker of a file asks for, carried out in the cloud."""

import pickle
from dataclasses import dataclass, field

import pyarrow as pa
from google.cloud import bigquery

from cbi.contract.target import Target
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import ENRICHED, Outputs
from cbi.gcs.store import ObjectStore
from cbi.gcs.writer import ObjectWriter
from cbi.lookups.regime_cache import RegimeCache
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.runs.worker_requests import (
    Compose,
    CopyStaged,
    FindExistingKeys,
    Read,
    RefreshCalendar,
    StepDone,
    Write,
    decode_request,
)
from cbi.telemetry.timings import Timings
from cbi.warehouse.existing_keys import find_existing_keys
from cbi.workers.channel import Bytes


@dataclass
class WorkerServer:
    """Serves the worker of one file. All of it raises Transient and Misconfigured, and InvalidFile where the
    staged file was overwritten meanwhile.
    """

    store: ObjectStore
    outputs: Outputs
    bigquery: bigquery.Client
    regimes: RegimeCache
    file: StagedFile
    target: Target
    calendar: RegimeCalendar
    timings: Timings
    _written: dict[str, ObjectWriter] = field(default_factory=dict)

    def serve(self, head: bytes, payload: memoryview) -> Bytes:
        """Answer a request; several threads may ask."""
        match decode_request(head):
            case Read(start, length):
                return self.store.read_range(self.file, start, length)
            case Write(name, at, last):
                self._write(name, at, payload, last)
            case CopyStaged(name):
                return pickle.dumps(self.outputs.copy_staged(self.file, self._own(name)))
            case Compose(sources, name):
                self.outputs.compose([self._own(source) for source in sources], self._own(name))
            case FindExistingKeys():
                keys = pa.ipc.open_stream(pa.py_buffer(payload)).read_all()
                keys.validate(full=True)
                return pickle.dumps(find_existing_keys(self.bigquery, self.target, keys))
            case RefreshCalendar():
                return pickle.dumps(self.regimes.refreshed(self.calendar))
            case StepDone(step, seconds):
                self.timings.add(step, seconds)
        return b""

    def close(self) -> None:
        """Leave nothing behind of objects that were begun."""
        for name in list(self._written):
            self._drop(name)

    def _write(self, name: str, at: int, content: memoryview, last: bool) -> None:
        if at == 0:
            self._drop(name)
            self._written[name] = self.outputs.open_parquet(self._own(name))
        writer = self._written.get(name)
        if writer is None or writer.size != at:
            raise ValueError(f"the worker of {self.file.uri} wrote {name} at {at:,}, which is not its end")
        writer.write(content)
        if last:
            writer.commit()
            del self._written[name]

    def _drop(self, name: str) -> None:
        """Leave nothing behind of an object that was begun and not made."""
        if (begun := self._written.pop(name, None)) is not None:
            begun.__exit__()

    def _own(self, name: str) -> str:
        """A name, which must be one of the run's: a worker has decoded bytes from outside."""
        if Outputs.run_of_enriched(name) != self.file.run_id or not name.startswith(ENRICHED):
            raise ValueError(f"the worker of {self.file.uri} asked for {name}, which is none of its objects")
        return name
