"""Terraform on stand-ins for its providers, and a copy of `deploy/` to run it in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.terraform import copied
from support.terraform_providers import recorded_providers

SCHEMAS = json.loads((Path(__file__).parent / "provider_schema.json").read_text())


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What terraform needs to find the recorded providers, and to leave nothing in the repository."""
    folder = tmp_path_factory.mktemp("terraform")
    with recorded_providers(SCHEMAS, folder) as addresses:
        yield {"TF_REATTACH_PROVIDERS": addresses, "TF_DATA_DIR": str(folder / "data")}


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """A copy of `deploy/` that a test may change."""
    return copied(tmp_path)
