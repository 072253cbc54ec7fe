"""Whose fault a failure is: what passes, what an operator must correct, what speaks against the file."""

from concurrent.futures import TimeoutError as FutureTimeout

import pytest
import requests
from google.api_core.exceptions import (
    BadRequest,
    Forbidden,
    GoogleAPICallError,
    NotFound,
    RetryError,
    from_http_response,
)
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from google.cloud import bigquery
from support import bigquery_errors as seen

from cbi.clients import CLOUD_FAULTS
from cbi.errors import CbiError, Fault, FaultKind, Misconfigured, Transient
from cbi.faults import cloud_error, error_of, fault_of, fault_of_job

RETRYABLE, OPERATOR, REFUSED = FaultKind.RETRYABLE, FaultKind.OPERATOR, FaultKind.REFUSED


def answered(status: int, body: bytes) -> GoogleAPICallError:
    """What the client raises for an answer."""
    response = requests.Response()
    response.status_code, response._content = status, body
    url = "https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs"
    response.request = requests.Request("POST", url).prepare()
    error: GoogleAPICallError = from_http_response(response)
    return error


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(403, seen.ACCESS_DENIED, OPERATOR, id="access denied"),
        pytest.param(403, seen.BILLING_NOT_ENABLED, OPERATOR, id="billing"),
        pytest.param(403, seen.QUOTA_EXCEEDED, RETRYABLE, id="quota"),
        pytest.param(403, seen.RATE_LIMIT_EXCEEDED, RETRYABLE, id="rate limit"),
        pytest.param(403, b"<html>Forbidden</html>", OPERATOR, id="403 without a reason"),
        pytest.param(401, seen.UNAUTHORIZED, OPERATOR, id="credentials refused"),
        pytest.param(400, seen.CONCURRENT_UPDATE, RETRYABLE, id="concurrent update"),
        pytest.param(400, seen.TOO_MANY_STATEMENTS, RETRYABLE, id="too many statements waiting"),
        pytest.param(400, seen.UNKNOWN_COLUMN, REFUSED, id="unknown column"),
        pytest.param(400, seen.TOO_LARGE, REFUSED, id="request too large"),
        pytest.param(400, b"{}", REFUSED, id="400 without a reason"),
        pytest.param(413, b"<html>Error 413 (Request Entity Too Large)!!1</html>", REFUSED, id="413"),
        pytest.param(404, seen.NO_TABLE, OPERATOR, id="no table"),
        pytest.param(404, seen.NO_DATASET, OPERATOR, id="no dataset"),
        pytest.param(404, seen.NO_JOB, RETRYABLE, id="job not known yet"),
        pytest.param(404, b"", OPERATOR, id="404 without a reason"),
        pytest.param(503, seen.BACKEND_ERROR, RETRYABLE, id="backend error"),
        pytest.param(502, b"<html>Bad Gateway</html>", RETRYABLE, id="502 without a reason"),
        pytest.param(429, b"", RETRYABLE, id="429 without a reason"),
    ],
)
def test_an_answer_is_judged_by_its_reason(status: int, body: bytes, kind: FaultKind) -> None:
    assert fault_of(answered(status, body)).kind is kind


def unavailable_metadata() -> RefreshError:
    """How the credentials of a service account fail while the metadata server is away."""
    cause = TransportError("Failed to retrieve http://metadata.google.internal/computeMetadata/v1/…")
    error = RefreshError(cause)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (requests.ConnectionError("reset"), RETRYABLE),
        (requests.ReadTimeout("60 s"), RETRYABLE),
        (FutureTimeout(), RETRYABLE),
        (RetryError("300 s", Forbidden("still")), RETRYABLE),
        (TransportError("no route"), RETRYABLE),
        (unavailable_metadata(), RETRYABLE),
        (RefreshError("invalid_grant: Bad Request"), OPERATOR),
        (DefaultCredentialsError("Your default credentials were not found."), OPERATOR),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_never_reached_bigquery_passes_unless_the_credentials_are_wrong(
    error: Exception, kind: FaultKind
) -> None:
    assert isinstance(error, CLOUD_FAULTS)
    assert fault_of(error).kind is kind


def finished(kind: str, error: dict[str, str] | None) -> bigquery.LoadJob | bigquery.QueryJob:
    status = {"state": "DONE"} | ({"errorResult": error, "errors": [error]} if error else {})
    resource: dict[str, object] = {
        "jobReference": {"projectId": "p", "jobId": "j", "location": "US"},
        "configuration": {"load": {"destinationTable": {}}} if kind == "load" else {"query": {"query": "…"}},
        "status": status,
    }
    client = bigquery.Client("p", credentials=AnonymousCredentials())
    job = bigquery.LoadJob if kind == "load" else bigquery.QueryJob
    return job.from_api_repr(resource, client)


@pytest.mark.parametrize(
    ("kind", "reason", "message", "expected"),
    [
        ("load", "backendError", "Error encountered during execution.", RETRYABLE),
        (
            "load",
            "internalError",
            "An internal error occurred and the request could not be completed.",
            RETRYABLE,
        ),
        ("load", "jobRateLimitExceeded", "Exceeded rate limits: too many table update operations", RETRYABLE),
        ("load", "quotaExceeded", "Quota exceeded: Your table exceeded quota for imports", RETRYABLE),
        ("load", "stopped", "Job execution was cancelled: User requested cancellation", RETRYABLE),
        ("load", "accessDenied", "Access Denied: File gs://b/o.parquet: Access Denied", OPERATOR),
        ("load", "notFound", "Not found: Table p:features.matrix", OPERATOR),
        ("load", "notFound", "Not found: URI gs://b/o.parquet", REFUSED),
        ("load", "resourcesExceeded", "Resources exceeded during query execution", OPERATOR),
        ("load", "billingNotEnabled", "Billing has not been enabled for this project.", OPERATOR),
        ("load", "invalid", "Error while reading data, error message: … concurrent update", REFUSED),
        ("load", "somethingNew", "Nobody has seen this yet", REFUSED),
        (
            "query",
            "invalidQuery",
            "Could not serialize access to table a.b due to concurrent update",
            RETRYABLE,
        ),
        (
            "query",
            "invalidQuery",
            "Query error: Transaction is aborted due to concurrent update against table a.b.",
            RETRYABLE,
        ),
        ("query", "resourcesExceeded", "… Too many DML statements outstanding against table a.b", RETRYABLE),
        ("query", "resourcesExceeded", "The query could not be executed in the allotted memory.", OPERATOR),
        ("query", "invalidQuery", "UPDATE/MERGE must match at most one source row", REFUSED),
    ],
)
def test_a_job_is_judged_by_its_error_result(
    kind: str, reason: str, message: str, expected: FaultKind
) -> None:
    fault = fault_of_job(finished(kind, {"reason": reason, "message": message}))
    assert fault == Fault(expected, reason, message)


def test_a_job_that_is_well_has_no_fault() -> None:
    assert fault_of_job(finished("load", None)) is None


@pytest.mark.parametrize(
    ("error", "raised", "advice"),
    [
        (answered(403, seen.QUOTA_EXCEEDED), Transient, ""),
        (answered(403, seen.ACCESS_DENIED), Misconfigured, "deploy/accounts.tf"),
        (answered(404, seen.NO_TABLE), Misconfigured, "run `python -m cbi init`"),
        (answered(400, seen.UNKNOWN_COLUMN), Misconfigured, "compare the table with the feed's contract"),
        (RefreshError("invalid_grant"), Misconfigured, "gcloud auth application-default login"),
    ],
)
def test_what_is_raised_says_what_failed_and_what_to_do(
    error: Exception, raised: type[CbiError], advice: str
) -> None:
    found = cloud_error(error, "the table could not be read")
    assert type(found) is raised
    assert str(found).startswith("the table could not be read: ")
    assert advice in str(found)


def test_a_load_without_resources_says_how_to_load_less_at_once() -> None:
    fault = Fault(OPERATOR, "resourcesExceeded", "Resources exceeded")
    assert "`batch_rows`" in str(error_of(fault, "job x failed"))


@pytest.mark.parametrize("error", [BadRequest("x"), Forbidden("x"), NotFound("x")])
def test_an_error_of_the_client_without_any_json_never_passes_by_itself(error: GoogleAPICallError) -> None:
    assert fault_of(error).kind is not RETRYABLE
