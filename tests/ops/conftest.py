"""What the tests of operations share: a pipeline in this process, and a deployment with a broken contract."""

import shutil
from pathlib import Path

import pytest
from support.cloud import Cloud

from cbi import IngestionPipeline
from cbi.clients import bigquery_client, storage_client
from cbi.contract import catalog
from cbi.settings import Settings

SPARE = """
table: broken_contract.spare
key: [id]
expect_every_hours: 1
schema: [{name: id, type: INT64, mode: REQUIRED}]
"""


@pytest.fixture
def pipeline(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> IngestionPipeline:
    for name in ("STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST"):
        monkeypatch.setenv(name, cloud.environment[name])
    bigquery_client.cache_clear()  # another test's stack may have the same settings
    storage_client.cache_clear()
    return IngestionPipeline(Settings.from_environment(cloud.environment))


@pytest.fixture
def broken_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three feeds, the first by name has a contract that is not sound; the last has never had a file."""
    feeds = tmp_path / "cbi/feeds"
    shutil.copytree(catalog._FEEDS, feeds)
    (feeds / "broken.yaml").write_text(SPARE.replace("spare", "broken").replace("INT64", "NUMBER"))
    (feeds / "spare.yaml").write_text(SPARE)
    monkeypatch.setattr(catalog, "_FEEDS", feeds)
