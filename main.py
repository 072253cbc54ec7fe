"""The Cloud Function: `ingest` takes the event of a finalised object, or a tick of the scheduler."""

# ruff: noqa: E402

import gc
import logging
import os
import threading
from http import HTTPStatus

# Before Arrow is imported: the system's allocator gives back what Arrow's own would keep of a large file.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

# Nothing of what is imported becomes garbage, and looking for some takes a good part of a cold start.
gc.disable()

import functions_framework
from cachetools import cached
from cloudevents.http import CloudEvent
from flask import abort, current_app, has_app_context, request

from cbi.deadline import Deadline
from cbi.errors import CbiError
from cbi.events import Ignored, Malformed, Sweep, parse_event
from cbi.gcs.identity import StagedFile
from cbi.ops.announce import announce
from cbi.runs.feed_name import feed_name
from cbi.runs.pipeline import IngestionPipeline
from cbi.telemetry.logs import configure_logging, log_context, trace_fields
from cbi.telemetry.tracing import flush_spans
from cbi.workers.zygote import start_zygote

gc.freeze()
gc.enable()

configure_logging()

# While there is one thread: the server will have more when the first event comes.
start_zygote()
_log = logging.getLogger("cbi.main")

# The part of the function's timeout that a run may use, so that it can still say that time is up.
_USABLE_TIME = 0.95


@cached(cache={}, condition=threading.Condition())
def pipeline() -> IngestionPipeline:
    """The pipeline of this instance, with its clients and its regime calendar kept warm between events."""
    return IngestionPipeline()


def refuse_batches() -> None:
    """Answer a batch of events, which the framework fails at, with what to send instead."""
    if request.mimetype == "application/cloudevents-batch+json":
        _log.warning("refused: a batch of events")
        abort(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "batches are not taken: send each event in a request of its own",
        )
    if "ce-type" not in request.headers and isinstance(request.get_json(silent=True), list):
        _log.warning("refused: a JSON array without the headers of an event")
        abort(HTTPStatus.BAD_REQUEST, "this is no event: send a CloudEvent, or a Pub/Sub push message")


# The framework runs this file in the context of its application; whoever else imports it has none.
if has_app_context():
    current_app.before_request(refuse_batches)


def _note_ignored(found: Ignored) -> None:
    """Leave a trace of a staged object that is none of ours, if that can be: nothing depends on it."""
    if found.object is None:
        return
    from cbi.ops.ignored import note_ignored

    try:
        if found.object.bucket == pipeline().settings.staging_bucket:
            note_ignored(pipeline(), found.object)
    except CbiError as error:
        _log.warning("no trace is left of %s: %s", found.object.uri, error)


@functions_framework.cloud_event
def ingest(event: CloudEvent) -> None:
    """Take a staged file into BigQuery. Raises, so that the event comes again, what a repeat may cure."""
    found = parse_event(event)
    if isinstance(found, Malformed):
        _log.warning("refused: %s", found.reason)
        abort(HTTPStatus.BAD_REQUEST, found.reason)
    if isinstance(found, Ignored):
        _log.info("ignored: %s", found.reason)
        _note_ignored(found)
        return
    try:
        settings = pipeline().settings
        header = request.headers.get("traceparent") or request.headers.get("X-Cloud-Trace-Context")
        deadline = Deadline.after(settings.function_timeout_seconds * _USABLE_TIME)
        with log_context(**trace_fields(header, settings.google_cloud_project)):
            if isinstance(found, Sweep):
                from cbi.ops.sweep import sweep  # a function that starts cold for a file need not import it

                sweep(pipeline(), deadline)
            elif found.bucket != (bucket := settings.require_staging_bucket()):
                # Reports are named without the bucket, so another bucket's file could take a real one's.
                _log.warning("ignored: %s is not in the staging bucket, %s", found.uri, bucket)
            else:
                announce(pipeline(), pipeline().ingest(found, deadline=deadline))
    except Exception as error:
        fields = {"event": "will_retry"}
        if isinstance(found, StagedFile):
            fields |= {"run_id": found.run_id, "feed": feed_name(found)}
        _log.exception("%s will be tried again: %s", found, error, extra={"fields": fields})
        raise
    finally:
        flush_spans()
