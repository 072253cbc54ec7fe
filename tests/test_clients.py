"""Clients that cannot be made say what is missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cbi.clients import bigquery_client, storage_client
from cbi.errors import Misconfigured
from cbi.settings import Settings


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without credentials, outside of Google Cloud."""
    for name in ("STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.mark.parametrize("client", [storage_client, bigquery_client])
def test_without_credentials_an_operator_is_told_how_to_give_them(client: Callable[[Settings], Any]) -> None:
    with pytest.raises(Misconfigured, match="gcloud auth application-default login"):
        client(Settings(google_cloud_project="without-credentials"))


def test_without_a_project_an_operator_is_told_what_to_set() -> None:
    with pytest.raises(Misconfigured, match="set GOOGLE_CLOUD_PROJECT"):
        bigquery_client(Settings(bigquery_emulator_host="http://127.0.0.1:1"))
