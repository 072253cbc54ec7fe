"""From whatever one has to a staged file: a gs:// URI, a local file, an Arrow table, a DataFrame."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cbi.contract import DEFAULT_FEED
from cbi.errors import InvalidFile, Reason
from cbi.events import is_staged
from cbi.gcs.identity import STAGED_PREFIX, StagedFile
from cbi.gcs.media_types import PARQUET
from cbi.gcs.store import ObjectStore


def feed_name(file: StagedFile) -> str:
    """The feed a staged file belongs to: the folder under `staged/`, or the default one without."""
    folder, slash, _ = file.name.removeprefix(STAGED_PREFIX).partition("/")
    return folder if slash else DEFAULT_FEED


def staged_uri(store: ObjectStore, bucket: str, uri: str) -> StagedFile:
    """The live generation of `gs://bucket/staged/….parquet`. Raises InvalidFile for any other URI."""
    found, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or found != bucket or not is_staged(name):
        message = f"{uri} is not a staged file; it must be gs://{bucket}/{STAGED_PREFIX}….parquet"
        raise InvalidFile(Reason.UNREADABLE_FILE, message)
    return store.newest(bucket, name)


def stage_file(store: ObjectStore, bucket: str, path: Path, feed: str = DEFAULT_FEED) -> StagedFile:
    """Put a local file in the bucket under its own name, as dropping it there would."""
    with path.open("rb") as content:
        return store.put(bucket, _staged_name(path.name, feed), content, path.stat().st_size)


def stage_table(store: ObjectStore, bucket: str, table: Any, feed: str = DEFAULT_FEED) -> StagedFile:
    """Put an Arrow table, or a pandas DataFrame, in the bucket as parquet.

    The object is named after its content and only created, so the same table given twice is the same run.
    """
    if not isinstance(table, pa.Table):
        table = pa.Table.from_pandas(table)
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    content = buffer.getvalue().to_pybytes()
    name = _staged_name(f"{hashlib.sha256(content).hexdigest()[:24]}.parquet", feed)
    store.create(bucket, name, content, PARQUET)
    return store.newest(bucket, name)


def _staged_name(name: str, feed: str) -> str:
    return f"{STAGED_PREFIX}{name}" if feed == DEFAULT_FEED else f"{STAGED_PREFIX}{feed}/{name}"
