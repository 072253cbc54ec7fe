"""The output bucket: what everything in it is called, and reading and writing under these names."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from cbi.decoding import ready
from cbi.encoding import indented
from cbi.errors import InvalidFile, Misconfigured
from cbi.gcs.identity import LONGEST_NAME, StagedFile
from cbi.gcs.media_types import JSON, PARQUET

if TYPE_CHECKING:
    from cbi.gcs.store import ListedObject, ObjectStore
    from cbi.gcs.writer import ObjectWriter

T = TypeVar("T")

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""From the keys an object was stored with to those it has in this version."""

REPORTS = "reports/"
QUARANTINE = "quarantine/"
ENRICHED = "enriched/"
PENDING = "pending/"
LOADED_WINDOWS = "ops/loaded/"


class Outputs:
    """One output bucket. The names are functions of a run's identity, so that they need not be remembered.

    Objects are only ever created, or replaced at a generation that was read. `create` and `replace` tell
    whether they wrote the object; as a lost answer makes a retry meet the object of the first try, that they
    did not may also mean that. All methods raise Transient and Misconfigured.
    """

    def __init__(self, store: "ObjectStore", bucket: str) -> None:
        self._store = store
        self.bucket = bucket

    def uri(self, name: str) -> str:
        return f"gs://{self.bucket}/{name}"

    @staticmethod
    def log(run_id: str) -> str:
        """Where all that is decided of a run is written down before it is acted on."""
        return f"runs/{run_id}.json"

    @staticmethod
    def pending(run_id: str, wish: str) -> str:
        """Where it is marked that something is wanted of a run that has its report."""
        return f"{PENDING}{run_id}-{wish}.json"

    @staticmethod
    def report(file: StagedFile) -> str:
        return _beside(file, REPORTS, "json")

    @staticmethod
    def page(file: StagedFile) -> str:
        """Where a report stands for people to read, beside the JSON."""
        return _beside(file, REPORTS, "html")

    @staticmethod
    def quarantine(file: StagedFile, epoch: int = 0) -> str:
        """Where the rows are kept that a run leaves out by the plan it made in an epoch."""
        return _beside(file, QUARANTINE, f"e{epoch}.parquet" if epoch else "parquet")

    @staticmethod
    def enriched(run_id: str, inputs_digest: str, part: str) -> str:
        """Where a part waits for its load job; the URI of a load may hold neither a generation nor `//`.

        `inputs_digest` is of what the part's bytes depend on besides the staged file.
        """
        return f"{ENRICHED}{run_id}-{inputs_digest}-{part}.parquet"

    @staticmethod
    def run_of_enriched(name: str) -> str:
        """The id of the run that an enriched object belongs to."""
        return name.removeprefix(ENRICHED).partition("-")[0]

    @staticmethod
    def content(feed: str, size: int, crc32c: str) -> str:
        """Where it is claimed by a run: a content of this size and checksum (in hexadecimal)."""
        return f"content/{feed}/{size}-{crc32c}.json"

    @staticmethod
    def run_claim(feed: str, run_id: str) -> str:
        """Where a run is claimed whose bytes may be loaded by others as well."""
        return f"content/{feed}/{run_id}.json"

    @staticmethod
    def turn(feed: str) -> str:
        """Where it is marked which run is at work, in a feed whose files go one after the other."""
        return f"content/{feed}/turn.json"

    @staticmethod
    def sweep(started_at: datetime) -> str:
        return f"sweeps/{started_at:%Y-%m-%dT%H:%M:%S.%fZ}.json"

    @staticmethod
    def window(window: str) -> str:
        """Where the reports of a window of time wait to become rows."""
        return f"ops/{window}.parquet"

    @staticmethod
    def loaded_window(window: str) -> str:
        """Where it is marked that the reports of a window of time are rows."""
        return f"{LOADED_WINDOWS}{window}"

    @staticmethod
    def regimes(content: bytes) -> str:
        """Where a regime table's new rows wait for their load job."""
        return f"regimes/{hashlib.sha256(content).hexdigest()[:24]}.parquet"

    def read(self, name: str, kind: type[T], upgrade: Upgrade | None = None) -> T | None:
        """A JSON object's content, or None where there is no such object."""
        found = self.read_versioned(name, kind, upgrade)
        return None if found is None else found[0]

    def read_versioned(
        self, name: str, kind: type[T], upgrade: Upgrade | None = None
    ) -> tuple[T, int] | None:
        """A JSON object's content and generation, or None where there is no such object."""
        found = self._store.read(self.bucket, name)
        if found is None:
            return None
        content, generation = found
        try:
            if upgrade is None:
                return msgspec.json.decode(content, type=ready(kind)), generation
            stored = msgspec.json.decode(content, type=ready(dict[str, Any]))
            return msgspec.convert(upgrade(stored), ready(kind)), generation
        except (msgspec.MsgspecError, LookupError, TypeError) as error:  # an upgrade finds keys missing
            message = f"{self.uri(name)} is not what this version of cbi can read ({error}); deploy the one"
            raise Misconfigured(f"{message} that wrote it, or a later one") from error

    def create(self, name: str, value: Any) -> bool:
        """Write a value as JSON, unless there is an object of this name."""
        return self.replace(name, value, generation=0) is not None

    def replace(self, name: str, value: Any, generation: int) -> int | None:
        """Write a value as JSON over just that generation of the object (0: none); return the new one."""
        return self._store.replace(self.bucket, name, indented(value), JSON, generation)

    def create_parquet(self, name: str, content: bytes) -> bool:
        """Write a parquet file, unless there is an object of this name."""
        return self._store.create(self.bucket, name, content, PARQUET)

    def open_parquet(self, name: str) -> "ObjectWriter":
        """Open a parquet file for writing, in pieces of any size; its `commit` creates it."""
        return self._store.create_stream(self.bucket, name, PARQUET)

    def copy_staged(self, file: StagedFile, name: str) -> bool:
        """Copy a staged file's bytes, if the buckets can by themselves. Raises InvalidFile as `stat` does."""
        return self._store.copy_within(file, self.bucket, name)

    def compose(self, sources: Sequence[str], name: str) -> None:
        """Join objects to another, unless there is one of its name."""
        self._store.compose(self.bucket, sources, name)

    def copy(self, name: str, target: str) -> bool:
        """Copy an object to another name, unless there is one of it; False where neither is there."""
        try:
            self._store.copy(self.bucket, name, self.bucket, target)
        except InvalidFile:
            return self.exists(target)
        return True

    def renew(self, file: StagedFile) -> StagedFile:
        """Give an object of this bucket another generation of the same bytes, and return the live one."""
        self._store.copy(file.bucket, file.name, file.bucket, file.name, file.generation)
        return self._store.newest(file.bucket, file.name)

    def find(self, name: str) -> StagedFile | None:
        """The live generation of an object, or None."""
        return self._store.find(self.bucket, name)

    def exists(self, name: str) -> bool:
        return self.find(name) is not None

    def list(self, prefix: str) -> Iterator["ListedObject"]:
        """The live objects under a prefix, in order of their names."""
        return self._store.list(self.bucket, prefix)

    def enriched_of(self, run_id: str) -> Iterator[str]:
        """The names of what a run has under `enriched/`."""
        return (listed.file.name for listed in self.list(f"{ENRICHED}{run_id}-"))

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""
        self._store.delete(self.bucket, name)


def _beside(file: StagedFile, folder: str, suffix: str) -> str:
    """The name of what a staged file has of its own in a folder."""
    end = f"/{file.generation}.{suffix}"
    name = f"{folder}{file.name}{end}"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    # The staged name nearly fills the limit itself: cut it, and let the run's id keep it apart.
    room = LONGEST_NAME - len(f"{folder}-{file.run_id}{end}".encode())
    kept = file.name.encode()[:room].decode(errors="ignore")
    return f"{folder}{kept}-{file.run_id}{end}"
