"""What was found of a file, and what there is to load of it."""

from dataclasses import dataclass, field
from datetime import datetime

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

    `claim` names the object that claims the file's bytes for this run, `md5` is theirs where the bucket knows
    it, and `finalized_at` is when the rows came. `project` and `location` are those of the jobs. Version 0.1
    stored none of the four: they are None then, and the client's own are meant. `inputs_digest` is of all
    that the parts' bytes depend on besides the file. `quarantine_object` holds the rows that are left out;
    `temporary_objects` are of no use once the run has its report.
    """

    target: Target
    parts: tuple[Part, ...]
    inputs_digest: str
    claim: str
    md5: str | None = None
    finalized_at: datetime | None = None
    project: str | None = None
    location: str | None = None
    spliced: bool = False
    quarantine_object: str | None = None
    temporary_objects: tuple[str, ...] = ()
