"""Whose fault it is that a request failed: the moment's or the operator's; and the one fault of a file."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage.exceptions import InvalidResponse

from cbi.clients import CLOUD_FAULTS
from cbi.errors import FaultKind, InvalidFile, Misconfigured, Reason, Transient
from cbi.faults import fault_of
from cbi.gcs.identity import StagedFile

_REFUSALS = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}

# Reasons of a 403 that pass by themselves: https://cloud.google.com/storage/docs/json_api/v1/status-codes
_RATE_LIMITS = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}
_REASON = re.compile(r'"reason":\s*"(\w+)"')


@contextmanager
def storage_faults(doing: str) -> Iterator[None]:
    """Raise what the client raises as Misconfigured where an operator must act first, else as Transient.

    A bucket that is not there or may not be used is the operator's; where an object may be missing, the
    caller takes that before it gets here.
    """
    try:
        yield
    except CLOUD_FAULTS as error:
        if _is_refusal(error):
            message = f"{doing} was refused: {error}; see that the bucket is there and may be used"
            raise Misconfigured(message) from error
        raise Transient(f"{doing} failed: {error}") from error


def superseded(file: StagedFile) -> InvalidFile:
    return InvalidFile(
        Reason.SUPERSEDED,
        f"generation {file.generation} of {file.uri} was overwritten or deleted before it was loaded; nothing"
        " of it was loaded. A newer generation has a run and a report of its own.",
    )


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, GoogleAuthError):
        return fault_of(error).kind is FaultKind.OPERATOR
    if not isinstance(error, GoogleAPICallError | InvalidResponse):
        return False
    answer = error.response
    status = error.code if isinstance(error, GoogleAPICallError) else answer.status_code
    reasons = _REASON.findall(answer.text) if answer is not None else []
    return status in _REFUSALS and _RATE_LIMITS.isdisjoint(reasons)
