"""Who a run is, and every name that follows from it.

Events come at least once, in any order and at the same time, so nothing is remembered: a run is one
generation of one staged object, and the names of all it writes are derived from that.
"""

import hashlib
from dataclasses import dataclass

STAGED_PREFIX = "staged/"

# Cloud Storage's limit on an object's name, in bytes of UTF-8.
_LONGEST_NAME = 1024


@dataclass(frozen=True)
class StagedFile:
    """One generation of an object in the staging bucket."""

    bucket: str
    name: str
    generation: int

    @property
    def uri(self) -> str:
        return f"gs://{self.bucket}/{self.name}"

    @property
    def run_id(self) -> str:
        """96 bits of the object's identity: the same for every delivery, another for every overwrite."""
        identity = f"{self.bucket}/{self.name}#{self.generation}"
        return hashlib.sha256(identity.encode()).hexdigest()[:24]

    @property
    def report_name(self) -> str:
        return self._output_name("reports", "json")

    @property
    def quarantine_name(self) -> str:
        return self._output_name("quarantine", "parquet")

    def _output_name(self, folder: str, suffix: str) -> str:
        end = f"/{self.generation}.{suffix}"
        name = f"{folder}/{self.name}{end}"
        if len(name.encode()) <= _LONGEST_NAME:
            return name
        # The staged name nearly fills the limit itself: cut it, and let the run's id keep it apart.
        room = _LONGEST_NAME - len(f"{folder}/-{self.run_id}{end}".encode())
        kept = self.name.encode()[:room].decode(errors="ignore")
        return f"{folder}/{kept}-{self.run_id}{end}"


def record_name(run_id: str) -> str:
    """Where a run writes down what it decided to load, before it loads anything."""
    return f"runs/{run_id}.json"


def second_record_name(run_id: str) -> str:
    """Where a run writes down what it loads instead of a spliced file that BigQuery refused."""
    return f"runs/{run_id}-rewritten.json"


def enriched_name(run_id: str, contract: str, part: str) -> str:
    """Where a part waits for its load job; the URI of a load may hold neither a generation nor `//`.

    `contract` is the digest of what the part's bytes depend on besides the staged file.
    """
    return f"enriched/{run_id}-{contract}-{part}.parquet"


def content_name(feed: str, size: int, crc32c: str) -> str:
    """Where it is marked which run took a content of this size and checksum (in hexadecimal)."""
    return f"content/{feed}/{size}-{crc32c}.json"


def run_marker_name(feed: str, run_id: str) -> str:
    """Where a replay of a run is marked whose content is not."""
    return f"content/{feed}/{run_id}.json"


def undo_name(run_id: str) -> str:
    """Where the undoing of a run is reported."""
    return f"undone/{run_id}.json"


def finish_name(run_id: str) -> str:
    """Where it is reported that parts BigQuery had refused are loaded after all."""
    return f"finished/{run_id}.json"


def replay_name(feed_folder: str, quarantine_name: str) -> str:
    """Where in the staging bucket a quarantine file is put to be run again."""
    digest = hashlib.sha256(quarantine_name.encode()).hexdigest()[:24]
    return f"{STAGED_PREFIX}{feed_folder}replay-{digest}.parquet"
