"""What a run decided to load, written down before it loads anything.

The first delivery of an event to write its record decides, because a record is only ever created. Every
other delivery, at the same time or a day later, loads what the record says, even if by now the calendar or
the contract would say otherwise, or the staged object is there no more. So a part can never be loaded with
other rows than those its job id stands for.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cbi.enrich.parts import Part
from cbi.findings import Failure
from cbi.identity import StagedFile
from cbi.report import CalendarSummary, Source, ValidationReport


@dataclass(frozen=True)
class RunRecord:
    """A validated and enriched file: what there is to load, or why it cannot be.

    `schema` is the table's, in the API's form; `skipped` names the object with the rows that had no regime.
    `timings` are seconds by step.
    """

    file: StagedFile
    source: Source
    started_at: datetime
    feed: str
    table: str = ""
    schema: tuple[dict[str, Any], ...] = ()
    validation: ValidationReport = ValidationReport()
    warnings: tuple[str, ...] = ()
    calendar: CalendarSummary | None = None
    parts: tuple[Part, ...] = ()
    skipped: str | None = None
    failure: Failure | None = None
    timings: dict[str, float] = field(default_factory=dict)
