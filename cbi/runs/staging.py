"""From whatever one has to a staged file: a gs:// URI, a local file, an Arrow table, a DataFrame."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cbi.contract import DEFAULT_FEED
from cbi.errors import InvalidFile, InvalidInput, Reason
from cbi.events import is_staged
from cbi.gcs.identity import STAGED_PREFIX, StagedFile, split_uri
from cbi.gcs.media_types import PARQUET
from cbi.gcs.store import ObjectStore
from cbi.parquet.tables import arrow_table


def staged_uri(store: ObjectStore, bucket: str, uri: str) -> StagedFile:
    """The live generation of `gs://bucket/staged/….parquet`. Raises InvalidFile for any other URI."""
    found, name = split_uri(uri)
    if not uri.startswith("gs://") or found != bucket or not is_staged(name):
        message = f"{uri} is not a staged file; it must be gs://{bucket}/{STAGED_PREFIX}….parquet"
        raise InvalidFile(Reason.UNREADABLE_FILE, message)
    return store.newest(bucket, name)


def stage_file(store: ObjectStore, bucket: str, path: Path, feed: str = DEFAULT_FEED) -> StagedFile:
    """Put a local file in the bucket under its own name, as dropping it there would.

    Raises InvalidInput where it cannot be read, or would lie under `staged/` without being looked at.
    """
    if not is_staged(name := _staged_name(path.name, feed)):
        raise InvalidInput(f"{path} does not end in .parquet, so nobody would look at it: rename it")
    try:
        with path.open("rb") as content:
            return store.put(bucket, name, content, path.stat().st_size)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        message = (
            f"{path} cannot be read ({error.strerror}): give the path of a parquet file, or its gs:// URI"
        )
        raise InvalidInput(message) from error


def stage_table(store: ObjectStore, bucket: str, table: Any, feed: str = DEFAULT_FEED) -> StagedFile:
    """Put a table of Arrow, pandas, Polars, DuckDB, or any other Arrow stream in the bucket as parquet.

    The object is named after its content and only created, so the same table given twice is the same run.
    Raises InvalidInput as `arrow_table` does.
    """
    buffer = pa.BufferOutputStream()
    pq.write_table(arrow_table(table), buffer)
    content = buffer.getvalue().to_pybytes()
    name = _staged_name(f"{hashlib.sha256(content).hexdigest()[:24]}.parquet", feed)
    store.create(bucket, name, content, PARQUET)
    return store.newest(bucket, name)


def _staged_name(name: str, feed: str) -> str:
    return f"{STAGED_PREFIX}{name}" if feed == DEFAULT_FEED else f"{STAGED_PREFIX}{feed}/{name}"
