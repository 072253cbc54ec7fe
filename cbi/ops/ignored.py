"""Files dropped under `staged/` that are not looked at, so that whoever waits for one finds out."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from cbi.clients import storage_client
from cbi.errors import CbiError
from cbi.gcs.identity import StagedFile, split_uri
from cbi.gcs.index import EPOCH, ObjectIndex, newest_first
from cbi.runs.pipeline import IngestionPipeline

_PREFIX = "ignored/"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IgnoredFile:
    """An object that nobody will load, and when it came."""

    uri: str
    at: datetime

    @property
    def name(self) -> str:
        """The object's name in its bucket."""
        return split_uri(self.uri)[1]


def note_ignored(pipeline: IngestionPipeline, file: StagedFile) -> None:
    """Note a file, once however often its event comes; it is no fault where that cannot be done."""
    digest = hashlib.sha256(file.name.encode()).hexdigest()[:8]
    # A generation is the microsecond of its object's arrival.
    row = IgnoredFile(file.uri, EPOCH + timedelta(microseconds=file.generation))
    try:
        _index(pipeline).add(f"{_PREFIX}{newest_first(row.at)}-{digest}", row)
    except CbiError as error:
        _log.warning("that %s is ignored could not be noted: %s", file.uri, error)


def newest_ignored(pipeline: IngestionPipeline, since: datetime, limit: int) -> tuple[IgnoredFile, ...]:
    """The files that came at or after `since`, the newest first. Raises Transient and Misconfigured."""
    end = _PREFIX + newest_first(since - timedelta(microseconds=1))
    return tuple(islice(_index(pipeline).rows(_PREFIX, IgnoredFile, end=end), limit))


def _index(pipeline: IngestionPipeline) -> ObjectIndex:
    return ObjectIndex(storage_client(pipeline.settings), pipeline.outputs.bucket)
