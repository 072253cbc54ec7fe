"""Answers with which BigQuery refuses a request, as they were seen."""

import json
from typing import Any


def body(code: int, reason: str, message: str, **more: Any) -> bytes:
    """An error as BigQuery's REST API writes it."""
    error = {"message": message, "domain": "global", "reason": reason, **more}
    return json.dumps({"error": {"code": code, "message": message, "errors": [error]}}).encode()


ACCESS_DENIED = body(
    403,
    "accessDenied",
    "Access Denied: Project p: User does not have bigquery.jobs.create permission in project p.",
)
BILLING_NOT_ENABLED = body(
    403,
    "billingNotEnabled",
    "Billing has not been enabled for this project. Enable billing at"
    " https://console.cloud.google.com/billing. DML queries are not allowed in the free tier.",
)
QUOTA_EXCEEDED = body(
    403,
    "quotaExceeded",
    "Quota exceeded: Your table exceeded quota for imports or query appends per table. For more information,"
    " see https://cloud.google.com/bigquery/docs/troubleshoot-quotas",
)
RATE_LIMIT_EXCEEDED = body(
    403,
    "rateLimitExceeded",
    "Exceeded rate limits: too many table update operations for this table. For more information, see"
    " https://cloud.google.com/bigquery/docs/troubleshoot-quotas",
)
CONCURRENT_UPDATE = body(
    400,
    "invalidQuery",
    "Could not serialize access to table xxxx.yyyyy due to concurrent update",
    location="q",
    locationType="parameter",
)
TOO_MANY_STATEMENTS = body(
    400,
    "resourcesExceeded",
    "Resources exceeded during query execution: Too many DML statements outstanding against table"
    " mlab-sandbox:tmp_ndt.ndt5, limit is 20",
)
UNKNOWN_COLUMN = body(400, "invalidQuery", "Unrecognized name: desk at [1:17]", location="q")
TOO_LARGE = body(400, "badRequest", "Request payload size exceeds the limit: 10485760 bytes.")
NO_TABLE = body(404, "notFound", "Not found: Table p:features.matrix was not found in location US")
NO_DATASET = body(404, "notFound", "Not found: Dataset p:features was not found in location EU")
NO_JOB = body(404, "notFound", "Not found: Job p:US.cbi_matrix_0123_0_0")
BACKEND_ERROR = body(
    503, "backendError", "Error encountered during execution. Retrying may solve the problem."
)
UNAUTHORIZED = body(
    401,
    "authError",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other"
    " valid authentication credential.",
)
