"""What a run decided to load, written down before it loads anything.

The first delivery of an event to write its record decides, because a record is only ever created. Every
other delivery, at the same time or a day later, loads what the record says, even if by now the calendar or
the contract would say otherwise, or the staged object is there no more. So a part can never be loaded with
other rows than those its job id stands for.
"""

from dataclasses import dataclass

import msgspec

import cbi
from cbi.contract.parts import Part
from cbi.findings import Failure
from cbi.gcs.identity import StagedFile
from cbi.runs.plan import Found, LoadPlan


class Planned(msgspec.Struct, frozen=True, tag="plan"):
    """The file is valid and enriched: what there is to load of it."""

    found: Found
    plan: LoadPlan


class Failed(msgspec.Struct, frozen=True, tag="fail"):
    """Nothing of the file is loaded, and why."""

    found: Found
    failure: Failure


@dataclass(frozen=True)
class RunRecord:
    """What was decided of a file. `cbi_version` decided it, None one before 0.2.0."""

    file: StagedFile
    decision: Planned | Failed
    cbi_version: str | None = cbi.__version__

    @property
    def found(self) -> Found:
        return self.decision.found

    @property
    def plan(self) -> LoadPlan | None:
        return self.decision.plan if isinstance(self.decision, Planned) else None

    @property
    def parts(self) -> tuple[Part, ...]:
        """What there is to load; nothing of a file that failed."""
        return self.plan.parts if self.plan else ()
