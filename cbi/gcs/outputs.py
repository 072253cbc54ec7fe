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
LOADED_WINDOWS = "ops/loaded/"


class Outputs:
    """One output bucket. The names are functions of a run's identity, so that they need not be remembered.

    Objects are only ever created, or replaced at a generation that was read. `create` and `replace` say
    whether they wrote the object; as a lost answer makes a retry meet the object of the first try, False may
    also mean that. All methods raise Transient and Misconfigured.
    """

    def __init__(self, store: "ObjectStore", bucket: str) -> None:
        self._store = store
        self.bucket = bucket

    def uri(self, name: str) -> str:
        return f"gs://{self.bucket}/{name}"

    @staticmethod
    def record(run_id: str) -> str:
        """Where a run writes down what it decided to load, before it loads anything."""
        return f"runs/{run_id}.json"

    @staticmethod
    def second_record(run_id: str) -> str:
        """Where a run writes down what it loads instead of a spliced file that BigQuery refused."""
        return f"runs/{run_id}-rewritten.json"

    @staticmethod
    def report(file: StagedFile) -> str:
        return _beside(file, REPORTS, "json")

    @staticmethod
    def page(file: StagedFile) -> str:
        """Where a report stands for people to read, beside the JSON."""
        return _beside(file, REPORTS, "html")

    @staticmethod
    def quarantine(file: StagedFile) -> str:
        """Where the rows that a run leaves out are kept."""
        return _beside(file, QUARANTINE, "parquet")

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
        """Where it is marked which run took a content of this size and checksum (in hexadecimal)."""
        return f"content/{feed}/{size}-{crc32c}.json"

    @staticmethod
    def run_marker(feed: str, run_id: str) -> str:
        """Where a replay of a run is marked whose content is not."""
        return f"content/{feed}/{run_id}.json"

    @staticmethod
    def undo(run_id: str) -> str:
        """Where the undoing of a run is reported."""
        return f"undone/{run_id}.json"

    @staticmethod
    def finish(run_id: str) -> str:
        """Where it is reported that parts BigQuery had refused are loaded after all."""
        return f"finished/{run_id}.json"

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
        except msgspec.MsgspecError as error:
            message = f"{self.uri(name)} is not what this version of cbi can read ({error}); deploy the one"
            raise Misconfigured(f"{message} that wrote it, or a later one") from error

    def create(self, name: str, value: Any) -> bool:
        """Write a value as JSON, unless there is an object of this name."""
        return self.replace(name, value, generation=0)

    def replace(self, name: str, value: Any, generation: int) -> bool:
        """Write a value as JSON over just that generation of the object (0: none)."""
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

    def keep_quarantine(self, temporary: str, file: StagedFile) -> bool:
        """Put the rows a run leaves out where they are kept, once, and say whether they are there now."""
        kept = self.quarantine(file)
        try:
            self._store.copy(self.bucket, temporary, self.bucket, kept)
        except InvalidFile:
            return self.exists(kept)
        return True

    def exists(self, name: str) -> bool:
        return self._store.find(self.bucket, name) is not None

    def list(self, prefix: str) -> Iterator["ListedObject"]:
        """The live objects under a prefix, in order of their names."""
        return self._store.list(self.bucket, prefix)

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
