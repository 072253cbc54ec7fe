"""Whose fault a failure of BigQuery is, by BigQuery's own code for it, the `reason`.

A fault of the moment passes by itself, so the same is tried again. One of the operator's has to be corrected
first; then the same succeeds. Everything else is said of what was asked: of the file that a job loads, or of
a statement. https://cloud.google.com/bigquery/docs/error-messages
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import bigquery

from cbi.errors import Fault, FaultKind, Misconfigured, Transient

_RETRYABLE_REASONS = frozenset(
    {
        "backendError",
        "badGateway",
        "internalError",
        "jobBackendError",
        "jobInternalError",
        "jobRateLimitExceeded",
        "quotaExceeded",
        "rateLimitExceeded",
        "stopped",
        "tableUnavailable",
        "timeout",
        "userRateLimitExceeded",
    }
)

# What statements on one table do to each other passes, though its reason means something lasting elsewhere:
# confluentinc/kafka-connect-bigquery#279, m-lab/etl-gardener#293.
_RETRYABLE_MESSAGES: Mapping[str, str] = {
    "invalidQuery": "due to concurrent update",
    "resourcesExceeded": "Too many DML statements outstanding",
}

# Where the answer's JSON has no reason, because it came from something in front of BigQuery.
_RETRYABLE_STATUSES = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
)

_CREDENTIALS = "invalidCredentials"

# `resourcesExceeded` is here because a file of the same rows in smaller parts would be loaded.
_ADVICE: Mapping[str, str] = {
    "accessDenied": "give the service account the role that it lacks; deploy/accounts.tf has those it needs",
    "billingNotEnabled": "enable billing for the project",
    "blocked": "ask the project's owner; BigQuery has blocked it",
    _CREDENTIALS: "renew the credentials, for example with `gcloud auth application-default login`",
    "invalidUser": "check which service account the function runs as",
    "notFound": (
        "run `python -m cbi init`, or set GOOGLE_CLOUD_PROJECT and BIGQUERY_LOCATION to where the tables are"
    ),
    "policyViolation": "let the service account through the organisation's policy or service perimeter",
    "resourcesExceeded": "load fewer rows at once: split the file, or set a smaller `batch_rows` in the feed",
}

_REASON_OF_STATUS: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: _CREDENTIALS,
    HTTPStatus.FORBIDDEN: "accessDenied",
    HTTPStatus.NOT_FOUND: "notFound",
}

_NOT_FOUND = re.compile(r"Not found: (\w+)", re.IGNORECASE)

# A job is unknown for a moment after its insert. An object to load is missing because the run's output is.
_KIND_OF_NOT_FOUND: Mapping[str, FaultKind] = {
    "job": FaultKind.RETRYABLE,
    "uri": FaultKind.REFUSED,
}


def fault_of(error: Exception) -> Fault:
    """What an exception of the client says, one of CLOUD_FAULTS."""
    if isinstance(error, GoogleAPICallError):
        status = int(error.code) if error.code is not None else 0
        reason = _reason(error) or _REASON_OF_STATUS.get(status, "")
        return Fault(_kind(reason, status, error.message), reason, error.message)
    if isinstance(error, GoogleAuthError) and not _passes(error):
        return Fault(FaultKind.OPERATOR, _CREDENTIALS, str(error))
    return Fault(FaultKind.RETRYABLE, type(error).__name__, str(error) or type(error).__name__)


def fault_of_job(job: bigquery.LoadJob | bigquery.QueryJob) -> Fault | None:
    """What a job failed of, or None where it is well, or not done yet."""
    if job.error_result is None:
        return None
    reason = str(job.error_result.get("reason", ""))
    errors = [job.error_result, *(job.errors or [])]
    message = " ".join(dict.fromkeys(error["message"] for error in errors if error.get("message")))
    return Fault(_kind(reason, HTTPStatus.BAD_REQUEST, message), reason, message)


def error_of(fault: Fault, what: str) -> Transient | Misconfigured:
    """What to raise for a fault; `what` is the sentence that the fault's message ends.

    A refusal is the operator's here: it is raised where no file could be at fault.
    """
    message = f"{what}: {fault.message}"
    if fault.kind is FaultKind.RETRYABLE:
        return Transient(message)
    advice = _ADVICE.get(fault.reason, "compare the table with the feed's contract")
    return Misconfigured(f"{message}; {advice}")


def cloud_error(error: Exception, what: str) -> Transient | Misconfigured:
    """What to raise instead of an exception of the client, one of CLOUD_FAULTS."""
    return error_of(fault_of(error), what)


def _kind(reason: str, status: int, message: str) -> FaultKind:
    passing = _RETRYABLE_MESSAGES.get(reason)
    if reason in _RETRYABLE_REASONS or (passing is not None and passing in message):
        return FaultKind.RETRYABLE
    if reason == "notFound" and (found := _NOT_FOUND.search(message)):
        return _KIND_OF_NOT_FOUND.get(found[1].lower(), FaultKind.OPERATOR)
    if reason in _ADVICE or status in _REASON_OF_STATUS:
        return FaultKind.OPERATOR
    if status in _RETRYABLE_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FaultKind.RETRYABLE
    return FaultKind.REFUSED


def _reason(error: GoogleAPICallError) -> str:
    """The code in the answer's JSON; none where a proxy answered, or something else that is not BigQuery."""
    first = next(iter(error.errors), None)
    return str(first.get("reason", "")) if isinstance(first, Mapping) else ""


def _passes(error: GoogleAuthError) -> bool:
    """Whether credentials could not be asked for, rather than were refused."""
    return isinstance(error, TransportError) or isinstance(error.__cause__, TransportError) or error.retryable
