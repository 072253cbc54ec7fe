"""Who a run is, and the names that follow from it; `outputs.py` has those of the output bucket.

Events come at least once, in any order and at the same time, so nothing is remembered: a run is one
generation of one staged object, and the names of all it writes are derived from that.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Self

STAGED_PREFIX = "staged/"

LONGEST_NAME = 1024
"""Cloud Storage's limit on an object's name, in bytes of UTF-8."""


def split_uri(uri: str) -> tuple[str, str]:
    """The bucket of a gs:// URI, and the object's name, which is empty where the URI has none."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name


@dataclass(frozen=True)
class StagedFile:
    """One generation of an object in the staging bucket."""

    bucket: str
    name: str
    generation: int

    @classmethod
    def at(cls, uri: str, generation: int) -> Self:
        """A generation of the object at a gs:// URI."""
        return cls(*split_uri(uri), generation)

    @property
    def uri(self) -> str:
        return f"gs://{self.bucket}/{self.name}"

    @property
    def run_id(self) -> str:
        """96 bits of the object's identity: the same for every delivery, another for every overwrite."""
        identity = f"{self.bucket}/{self.name}#{self.generation}"
        return hashlib.sha256(identity.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class StagedObject:
    """A staged file with what the bucket says of it: bytes, and checksums in hexadecimal.

    A composed object has no MD5.
    """

    file: StagedFile
    size: int
    finalized_at: datetime
    crc32c: str
    md5: str | None
