"""One stack for all tests that need one: real servers, the function in its own process, and its trigger.

The fixtures import the stand-ins and the clients: most tests need none of them.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from support.cloud import Cloud

    from cbi.local.stack import Stack

# `make quick` tries a property on a tenth of the examples that `make test` takes.
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10)

# The fixtures that start servers. Whoever starts some without a fixture says `pytest.mark.servers`.
_SERVERS = {"stack", "servers", "world", "cloud", "untriggered", "recalendared", "project"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and _SERVERS & set(item.fixturenames):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    from cbi.local.stack import running_stack

    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def untriggered(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    """A stack without a trigger: every event is lost, but for those that a test delivers."""
    from cbi.local.stack import running_stack

    folder = tmp_path_factory.mktemp("untriggered")
    with running_stack(folder, with_trigger=False, env={"SWEEP_MIN_AGE_SECONDS": "1"}) as stack:
        yield stack


@pytest.fixture(scope="session")
def recalendared(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    """A stack whose regimes tests change: its function reads them for every file."""
    from cbi.local.stack import running_stack

    folder = tmp_path_factory.mktemp("recalendared")
    with running_stack(folder, env={"REGIME_TTL_SECONDS": "0.01"}) as stack:
        yield stack


@pytest.fixture(scope="session")
def cloud(stack: "Stack") -> "Cloud":
    from support.cloud import Cloud

    return Cloud.of_stack(stack)


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """A name no other test uses, for objects and symbols."""
    name: str = request.node.name
    return name.removeprefix("test_").replace("[", "-").rstrip("]")


@pytest.fixture
def sample(tmp_path: Path, unique: str) -> Path:
    """A file of ten rows, of a symbol that only this test has."""
    from support.tables import to_parquet

    from cbi.local.sample import sample_table

    path = tmp_path / f"{unique}.parquet"
    to_parquet(sample_table(10, date(2026, 11, 20), unique), path)
    return path
