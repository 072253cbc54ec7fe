"""What was found of a file, and what there is to load of it."""

from dataclasses import dataclass, field

from cbi.contract.parts import Part
from cbi.contract.target import Target
from cbi.findings import ExistingKeys, ValidationReport
from cbi.runs.report import CalendarSummary, Enrichment, Source


@dataclass(frozen=True)
class Found:
    """What looking at a file has shown: what its report says whether it is loaded or not.

    `table` is None where the feed is unknown. `timings` are seconds by step.
    """

    source: Source
    feed: str
    table: str | None = None
    calendar: CalendarSummary | None = None
    validation: ValidationReport = ValidationReport()
    existing_keys: ExistingKeys | None = None
    warnings: tuple[str, ...] = ()
    enrichment: Enrichment | None = None
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadPlan:
    """What there is to load, and how.

    `inputs_digest` is of all that the parts' bytes depend on besides the file. `content_marker` names the
    object that marks the file's bytes as this run's, None where nothing does. `quarantine_object` holds the
    rows that are left out; `temporary_objects` are of no use once the run has its report. `refusals` is how
    often BigQuery has refused each part before this was decided.
    """

    target: Target
    parts: tuple[Part, ...]
    inputs_digest: str
    spliced: bool = False
    content_marker: str | None = None
    quarantine_object: str | None = None
    temporary_objects: tuple[str, ...] = ()
    refusals: int = 0
