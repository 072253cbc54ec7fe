"""A project to break, and the table of what was tried."""

from collections.abc import Iterator

import pytest
from support.tally import Tally
from support.world import World, running_world

_TALLY = Tally()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="session")
def tally() -> Tally:
    return _TALLY


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _TALLY:
        terminalreporter.section("what was tried")
        terminalreporter.write(_TALLY.as_markdown())
