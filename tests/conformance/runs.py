"""Runs that are ready to be loaded."""

from dataclasses import dataclass
from typing import Any

from cbi.gcs.identity import StagedFile
from cbi.runs.protocol.log import Log, Planned, Run, fold
from cbi.runs.protocol.requests import Append, Candidate, Look, Prepare
from conformance.service import Service


@dataclass(frozen=True)
class PlannedRun:
    log: Log
    run: Run

    @property
    def rows(self) -> int:
        """The rows of its only part."""
        assert self.run.plan is not None
        (part,) = self.run.plan.parts
        return part.rows

    @property
    def upserts(self) -> bool:
        assert self.run.plan is not None
        return self.run.plan.target.upserts


def candidate(service: Service, file: StagedFile) -> Candidate:
    """What a file that may be loaded looks like."""
    looked = service.ask(Look(file))
    assert isinstance(looked, Candidate), looked
    return looked


def planned(service: Service, name: str = "a", **like: Any) -> PlannedRun:
    """Drop a file, and decide what of it to load."""
    file = service.drop(name, **like)
    entry = service.ask(Prepare(candidate(service, file)))
    assert isinstance(entry, Planned), entry
    log = service.ask(Append(Log(file), entry))
    return PlannedRun(log, fold(log))
