"""What a run decided to load, written down before it loads anything.

The first delivery of an event to write its record decides, because a record is only ever created. Every
other delivery, at the same time or a day later, loads what the record says, even if by now the calendar or
the contract would say otherwise, or the staged object is there no more. So a part can never be loaded with
other rows than those its job id stands for.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from cbi.contract.parts import Part
from cbi.contract.target import Target
from cbi.findings import ExistingKeys, Failure, ValidationReport
from cbi.gcs.identity import StagedFile
from cbi.runs.report import CalendarSummary, Enrichment, Source


@dataclass(frozen=True)
class RunRecord:
    """A validated and enriched file: what there is to load, or why it cannot be.

    `target` is None where the feed is unknown; `skipped` names the object with the rows that had no regime.
    `content_marker` names the object that marks the file's bytes as this run's, None where nothing does.
    `contract` is a digest of all that the parts depend on besides the file. `temporary_objects` are of no use
    any more. `refusals` is how often BigQuery has refused each part before this was decided.
    `timings` are seconds by step.
    """

    file: StagedFile
    source: Source
    started_at: datetime
    feed: str
    target: Target | None = None
    validation: ValidationReport = ValidationReport()
    existing_keys: ExistingKeys | None = None
    warnings: tuple[str, ...] = ()
    calendar: CalendarSummary | None = None
    content_marker: str | None = None
    contract: str = ""
    enrichment: Enrichment | None = None
    parts: tuple[Part, ...] = ()
    skipped: str | None = None
    temporary_objects: tuple[str, ...] = ()
    refusals: int = 0
    failure: Failure | None = None
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def spliced(self) -> bool:
        return self.enrichment is not None and self.enrichment.way == "splice"


# What later versions call otherwise: records of the version before are still carried out.
_RENAMED = {"leftovers": "temporary_objects"}


def read_record(stored: dict[str, Any]) -> RunRecord:
    """A record as this version or the one before has stored it; keys of later versions are passed over."""
    return msgspec.convert({_RENAMED.get(key, key): value for key, value in stored.items()}, RunRecord)
