"""One stack for all tests that need one: real servers, the function in its own process, and its trigger."""

from collections.abc import Iterator

import pytest
from support.cloud import Cloud

from cbi.local.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def cloud(stack: Stack) -> Cloud:
    return Cloud.of_stack(stack)


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """A name no other test uses, for objects and symbols."""
    return request.node.name.removeprefix("test_").replace("[", "-").rstrip("]")
