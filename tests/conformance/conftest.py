"""Each test runs against both services."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.faults import Faults

    from cbi.runs.pipeline import IngestionPipeline
    from conformance.service import Service


@pytest.fixture(scope="package")
def local(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple["IngestionPipeline", "Faults"]]:
    from support.faults import Faults

    from conformance.local import local_pipeline

    faults = Faults()
    folder = tmp_path_factory.mktemp("feeds")
    with local_pipeline(request.getfixturevalue("stack"), folder, faults) as pipeline:
        yield pipeline, faults


@pytest.fixture(params=["simulated", pytest.param("local", marks=pytest.mark.servers)])
def service(request: pytest.FixtureRequest) -> "Service":
    if request.param == "simulated":
        from conformance.simulated import Simulated

        return Simulated()
    from conformance.local import Local

    return Local(*request.getfixturevalue("local"))
