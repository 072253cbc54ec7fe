"""The report of a run: its types, and how they become JSON. `report.schema.json` describes the result."""

import json
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from cbi.errors import Reason
from cbi.findings import ExistingKeys, ValidationReport
from cbi.jsonable import to_jsonable

LONGEST_LIST = 100
"""Lists of a report are cut at this length; `<name>_total` beside a cut one says how long it was."""

SCHEMA_FILE = Path(__file__).parent / "report.schema.json"


@dataclass(frozen=True)
class Source:
    """The staged object; `rows` and `created_by` (the writer's name) are None where it cannot be read."""

    uri: str
    generation: int
    size: int | None = None
    rows: int | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class CalendarSummary:
    """Which calendar the regimes came from."""

    rows: int
    min_date: date | None
    max_date: date | None
    digest: str


@dataclass(frozen=True)
class LoadJob:
    """A finished load job: the rows BigQuery says it loaded, and how many partitions they went to.

    In a feed that upserts, `inserted` and `updated` are what merging these rows did; where they do not add
    up to `rows`, the table had newer rows of some keys.
    """

    id: str
    rows: int
    partitions: int
    inserted: int | None = None
    updated: int | None = None


@dataclass(frozen=True)
class Enrichment:
    """How a file was enriched: spliced, or rewritten, and what kept it from being spliced, if anything did.

    Bytes are those of the staged file that were read, those that were uploaded, and those that were copied
    from bucket to bucket without passing through here.
    """

    way: str
    why: str | None
    bytes_read: int
    bytes_uploaded: int
    bytes_copied: int


@dataclass(frozen=True)
class Report:
    """The one terminal report of a run. Durations are in seconds and those of the run that wrote it."""

    status: Literal["success", "failed", "skipped"]
    reason: Reason | None
    message: str
    run_id: str
    feed: str
    table: str | None
    source: Source
    validation_report: ValidationReport
    rows_processed: int
    rows_enriched: int
    rows_skipped: int
    rows_loaded: int
    rows_inserted: int | None
    rows_updated: int | None
    batches: int
    load_jobs: tuple[LoadJob, ...]
    quarantine_uri: str | None
    existing_keys: ExistingKeys | None
    enrichment: Enrichment | None
    warnings: tuple[str, ...]
    regime_calendar: CalendarSummary | None
    finished_at: datetime
    duration_seconds: float
    rows_per_second: float
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return self.status == "failed"

    def numbers(self) -> dict[str, Any]:
        """What of the report is a number or a name of this package's, to be counted by."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: value
            for name, value in values.items()
            if isinstance(value, int | float | dict | None) or name in ("status", "reason", "table")
        }

    def to_json(self) -> str:
        """The report as indented JSON, long lists cut."""
        return json.dumps(cut_lists(to_jsonable(self)), indent=2, ensure_ascii=False)


def cut_lists(value: Any) -> Any:
    """JSON data with each list of an object cut at 100 entries and its full length beside it."""
    if isinstance(value, list):
        return [cut_lists(each) for each in value[:LONGEST_LIST]]
    if not isinstance(value, dict):
        return value
    cut: dict[str, Any] = {}
    for key, each in value.items():
        cut[key] = cut_lists(each)
        if isinstance(each, list) and len(each) > LONGEST_LIST:
            cut[f"{key}_total"] = len(each)
    return cut
