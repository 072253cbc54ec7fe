"""The Google Cloud clients, for the cloud or, where emulator hosts are set, for stand-ins."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud import bigquery
from google.cloud.storage import Client as StorageClient
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.exceptions import RequestException

from cbi.errors import Misconfigured
from cbi.settings import Settings

CLOUD_FAULTS = (
    GoogleAPICallError,
    RetryError,
    InvalidResponse,
    DataCorruption,
    GoogleAuthError,
    RequestException,
    TimeoutError,
)
"""What the clients raise when a request failed for good, their own retries included."""

STORAGE_RETRY = DEFAULT_RETRY.with_delay(initial=1, maximum=60, multiplier=2).with_timeout(300)
BIGQUERY_RETRY = bigquery.DEFAULT_RETRY.with_delay(initial=1, maximum=60, multiplier=2).with_timeout(300)
"""Exponential backoff, in seconds. Every request they are used for may be repeated safely."""

REQUEST_TIMEOUT = 60
"""Seconds until a request without an answer counts as lost."""


@cache
def storage_client(settings: Settings) -> StorageClient:
    """A Cloud Storage client. Raises Misconfigured where there are no credentials, or no project."""
    with _naming_what_is_missing():
        return StorageClient(
            project=settings.google_cloud_project, **_emulated(settings.storage_emulator_host)
        )


@cache
def bigquery_client(settings: Settings) -> bigquery.Client:
    """A BigQuery client. Raises Misconfigured where there are no credentials, or no project."""
    with _naming_what_is_missing():
        return bigquery.Client(
            project=settings.google_cloud_project,
            location=settings.bigquery_location,
            **_emulated(settings.bigquery_emulator_host),
        )


def _emulated(host: str | None) -> dict[str, Any]:
    """A client's options for a stand-in at the base URL `host`, if there is one."""
    if host is None:
        return {}
    return {"credentials": AnonymousCredentials(), "client_options": ClientOptions(api_endpoint=host)}


@contextmanager
def _naming_what_is_missing() -> Iterator[None]:
    try:
        yield
    except (DefaultCredentialsError, OSError) as error:
        raise Misconfigured(
            f"no client for Google Cloud can be made: {error}; set GOOGLE_CLOUD_PROJECT, and give credentials"
            " by `gcloud auth application-default login` or GOOGLE_APPLICATION_CREDENTIALS"
        ) from error
