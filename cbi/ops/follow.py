"""Following what the deployed function makes of a staged file, instead of doing the same beside it."""

import time

from google.api_core.exceptions import Forbidden

from cbi.clients import REQUEST_TIMEOUT, STORAGE_RETRY, storage_client
from cbi.errors import Transient
from cbi.gcs.faults import storage_faults
from cbi.gcs.identity import StagedFile
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.report import Report

_LONGEST_SECONDS = 900
_LONGEST_PAUSE_SECONDS = 2.0


def is_triggered(pipeline: IngestionPipeline) -> bool:
    """Whether somebody is told of new objects in the staging bucket, as an Eventarc trigger arranges it.

    https://cloud.google.com/storage/docs/pubsub-notifications; who may not look is told of nobody.
    """
    bucket = storage_client(pipeline.settings).bucket(pipeline.settings.require_staging_bucket())
    with storage_faults(f"looking for the trigger of gs://{bucket.name}"):
        try:
            found = bucket.list_notifications(retry=STORAGE_RETRY, timeout=REQUEST_TIMEOUT)
            return any(True for _ in found)
        except Forbidden:
            return False


def follow(
    pipeline: IngestionPipeline, file: StagedFile, longest_seconds: float = _LONGEST_SECONDS
) -> Report:
    """Wait for the report of a file's run. Raises Transient, saying what to look at, when none comes."""
    deadline, pause = time.monotonic() + longest_seconds, 0.1
    while (report := pipeline.runs.report(file)) is None:
        if time.monotonic() > deadline:
            raise Transient(
                f"there is no report of {file.uri} after {longest_seconds:g} s: look at the function's log;"
                f" `python -m cbi ingest {file.uri}` runs the file from here"
            )
        time.sleep(pause)
        pause = min(1.5 * pause, _LONGEST_PAUSE_SECONDS)
    return report
