"""The report of a run: its types, and how they become JSON.

What is said here of a class or a field is what `report.schema.json` says of it: `report_schema.py` makes it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cbi.encoding import indented
from cbi.errors import Reason
from cbi.findings import Count, ExistingKeys, ValidationReport

LONGEST_LIST = 100
"""Lists of a report are cut at this length; `<name>_total` beside a cut one says how long it was."""

SCHEMA_FILE = Path(__file__).parent / "report.schema.json"

_LOGGED = (
    "status",
    "reason",
    "table",
    "rows_processed",
    "rows_enriched",
    "rows_skipped",
    "rows_loaded",
    "rows_inserted",
    "rows_updated",
    "batches",
    "duration_seconds",
    "rows_per_second",
    "timings",
)

Seconds = Annotated[float, Meta(ge=0)]


@dataclass(frozen=True)
class Source:
    """The staged object; null is what could not be found out of it."""

    uri: Annotated[str, Meta(description="gs:// URI of the staged file")]
    generation: Annotated[Count, Meta(description="Generation of the object")]
    size: Annotated[Count | None, Meta(description="Bytes")] = None
    rows: Annotated[Count | None, Meta(description="Rows the file says it has")] = None
    created_by: Annotated[str | None, Meta(description="The program that wrote the file")] = None


@dataclass(frozen=True)
class CalendarSummary:
    """Which calendar the regimes came from."""

    rows: Annotated[Count, Meta(description="Days with a regime")]
    min_date: date | None
    max_date: date | None
    digest: Annotated[str, Meta(description="Another calendar has another digest")]


@dataclass(frozen=True)
class LoadJob:
    """A finished load job. In a feed that upserts, `inserted` and `updated` are what merging its rows did;
    where they do not add up to `rows`, the table had newer rows of some keys."""

    id: Annotated[str, Meta(description="Job id")]
    rows: Annotated[Count, Meta(description="Rows BigQuery says it loaded")]
    partitions: Annotated[Count, Meta(description="Partitions changed")]
    inserted: Annotated[
        Count | None, Meta(description="Rows that merging put in; null in a feed that appends")
    ] = None
    updated: Annotated[Count | None, Meta(description="Rows that merging put in the place of another")] = None


@dataclass(frozen=True)
class Enrichment:
    """How a file was nested, and how many bytes that took."""

    strategy: Annotated[
        Literal["splice", "rewrite"], Meta(description="Whether what could stay of the staged bytes did")
    ]
    fallback_reason: Annotated[
        str | None,
        Meta(
            description="What kept the file from being spliced; null where nothing did, or it was too small"
            " to try"
        ),
    ]
    bytes_read: Annotated[Count, Meta(description="Of the staged file")]
    bytes_uploaded: Annotated[Count, Meta(description="To the output bucket, without the report")]
    bytes_copied: Annotated[
        Count, Meta(description="From bucket to bucket, without passing through the function")
    ]
    searched_columns: Annotated[
        Count,
        Meta(
            description="Float columns of a spliced file whose pages were searched for NaNs, because neither"
            " its footer nor its writer says that there are none, and the contract does not keep them"
        ),
    ] = field(default_factory=int)  # msgspec does not write a default that it did not read


@dataclass(frozen=True)
class Report:
    """What became of one generation of a staged file. Lists are cut at 100 entries; NAME_total then says how
    many there were."""

    status: Literal["success", "failed", "skipped"]
    reason: Annotated[Reason | None, Meta(description="Why not everything was loaded; null on success")]
    message: Annotated[str, Meta(description="What happened, and what to do about it, for a person")]
    run_id: Annotated[
        str,
        Meta(
            pattern="^[0-9a-f]{24}$",
            description="The same for every delivery of the event, another for every overwrite of the file",
        ),
    ]
    feed: Annotated[str, Meta(description="The contract the file was held against")]
    table: Annotated[str | None, Meta(description="dataset.table the rows went to; null for an unknown feed")]
    source: Source
    validation_report: ValidationReport
    rows_processed: Annotated[Count, Meta(description="Rows in the file")]
    rows_enriched: Annotated[Count, Meta(description="Rows that nothing keeps from being loaded")]
    rows_skipped: Annotated[Count, Meta(description="Rows left out, which are in quarantine")]
    rows_loaded: Annotated[
        Count,
        Meta(
            description="Rows BigQuery says it loaded; on success rows_processed = rows_loaded + rows_skipped"
        ),
    ]
    rows_inserted: Annotated[
        Count | None, Meta(description="Rows that merging put in; null in a feed that appends")
    ]
    rows_updated: Annotated[Count | None, Meta(description="Rows that merging put in the place of another")]
    batches: Annotated[Count, Meta(description="Load jobs that loaded rows")]
    load_jobs: Annotated[tuple[LoadJob, ...], Meta(description="The jobs")]
    quarantine_uri: Annotated[
        str | None, Meta(description="Parquet with the skipped rows, and all reasons of each in _reason")
    ]
    existing_keys: Annotated[ExistingKeys | None, Meta(description="null where it was not looked for")]
    enrichment: Annotated[
        Enrichment | None, Meta(description="How the file was nested; null where it never came to that")
    ]
    warnings: Annotated[tuple[str, ...], Meta(description="What to know although it did not stop the run")]
    regime_calendar: Annotated[
        CalendarSummary | None, Meta(description="Which calendar the regimes came from")
    ]
    cbi_version: Annotated[
        str | None, Meta(description="The version of cbi that wrote this; null is one before 0.2.0")
    ]
    finished_at: datetime
    duration_seconds: Annotated[Seconds, Meta(description="How long the delivery that ended the run took")]
    rows_per_second: Annotated[float, Meta(ge=0, description="rows_processed / duration_seconds")]
    timings: Annotated[dict[str, Seconds], Meta(description="Seconds by step")] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return self.status == "failed"

    def __getitem__(self, name: str) -> Any:
        """A field by its name, so that a report also answers as the dict that it is written as."""
        if name not in self.__dataclass_fields__:
            raise KeyError(name)
        return getattr(self, name)

    def log_fields(self) -> dict[str, Any]:
        """What of the report is logged, to be counted by: nothing that quotes values of the file."""
        return {name: getattr(self, name) for name in _LOGGED}

    def as_written(self) -> dict[str, Any]:
        """The report as JSON data, long lists cut."""
        cut: dict[str, Any] = cut_lists(msgspec.to_builtins(self))
        return cut

    def to_json(self) -> str:
        """The report as indented JSON, long lists cut."""
        return indented(self.as_written()).decode()


def cut_lists(value: Any) -> Any:
    """JSON data with each list of an object cut at 100 entries and its full length beside it."""
    if isinstance(value, list | tuple):
        return [cut_lists(item) for item in value[:LONGEST_LIST]]
    if not isinstance(value, dict):
        return value
    cut: dict[str, Any] = {}
    for key, item in value.items():
        cut[key] = cut_lists(item)
        if isinstance(item, list | tuple) and len(item) > LONGEST_LIST:
            cut[f"{key}_total"] = len(item)
    return cut
