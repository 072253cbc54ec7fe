"""What looking at a file found: the parts of a report's `validation_report`.

What is said here of a class or a field is what the report's JSON Schema says of it.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta

from cbi.errors import Reason

Count = Annotated[int, Meta(ge=0)]


@dataclass(frozen=True)
class Failure:
    """Why nothing (more) of a file is loaded, with a sentence a person can act on."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class RequiredFields:
    """The columns a file must have: which are missing, and how many NULLs the others hold."""

    is_valid: bool
    missing_fields: Annotated[
        tuple[str, ...],
        Meta(description="Required columns the file lacks, or has with a type or values that cannot be read"),
    ] = ()
    null_counts: Annotated[dict[str, Count], Meta(description="NULLs by column")] = field(
        default_factory=dict
    )


@dataclass(frozen=True)
class ColumnTypeError:
    """A column whose values its place in the table cannot hold."""

    column: Annotated[str, Meta(description="In the file")]
    found: Annotated[str, Meta(description="Parquet column's type")]
    wanted: Annotated[str, Meta(description="Contract's type")]
    message: Annotated[str, Meta(description="What is wrong and what to do")]


@dataclass(frozen=True)
class ColumnTypes:
    """The file's columns against the contract: wrong types, and columns the contract does not know."""

    is_valid: bool
    errors: Annotated[
        tuple[ColumnTypeError, ...], Meta(description="Columns that cannot become what the contract wants")
    ] = ()
    cast_columns: Annotated[tuple[str, ...], Meta(description="Columns cast to the contract's type")] = ()
    unknown_columns: Annotated[
        tuple[str, ...], Meta(description="Columns not in the contract, which are not loaded")
    ] = ()
    absent_columns: Annotated[
        tuple[str, ...], Meta(description="Columns of the contract that the file lacks, which load as NULL")
    ] = ()


@dataclass(frozen=True)
class DateRange:
    """The first and last date of the file; null where it has none that can be read."""

    is_valid: bool
    min_date: date | None = None
    max_date: date | None = None
    message: Annotated[str | None, Meta(description="What is wrong with the dates")] = None


@dataclass(frozen=True)
class Duplicates:
    """Rows that share their key with another."""

    is_valid: bool
    duplicate_count: Annotated[Count, Meta(description="Rows that share their key with another")] = 0
    keys: Annotated[
        tuple[dict[str, Any], ...], Meta(description="The first 20 keys that occur more than once")
    ] = ()


@dataclass(frozen=True)
class CheckResult:
    """What a check of the contract's `checks` found in one column, or which rows a built-in one left out."""

    check: Annotated[
        str,
        Meta(description="The contract's key; types, required or key where invalid_rows is quarantine"),
    ]
    column: Annotated[
        str | None, Meta(description="In the file; several with commas between, null where it is of none")
    ]
    action: Annotated[
        Literal["fail", "quarantine", "warn"], Meta(description="What becomes of the file, or of the rows")
    ]
    failed_rows: Annotated[Count, Meta(description="Rows that break the rule; 0 where it holds")]
    first_keys: Annotated[
        tuple[dict[str, Any], ...], Meta(description="Keys of the first 5 of those rows")
    ] = ()
    proved_by_footer: Annotated[
        bool, Meta(description="Whether the footer's statistics show that it holds, so that it was not read")
    ] = False


@dataclass(frozen=True)
class RegimeCoverage:
    """Which of the file's distinct dates have a market regime."""

    total_dates: Annotated[Count, Meta(description="Distinct dates")] = 0
    covered_dates: Annotated[Count, Meta(description="Of those, with a regime")] = 0
    missing_dates: Annotated[tuple[date, ...], Meta(description="Dates without a regime")] = ()
    coverage_pct: Annotated[
        float,
        Meta(
            ge=0,
            le=100,
            description="Of the distinct dates, how many in a hundred have a regime; 0 where none were looked"
            " up",
        ),
    ] = 0.0


@dataclass(frozen=True)
class ValidationReport:
    """What was found in the file. Of a file that could not be looked at, nothing is valid."""

    # What came after 0.1 has factories for its defaults: msgspec leaves plain ones unset in what it has read,
    # and then does not write them.

    required_fields: RequiredFields = RequiredFields(is_valid=False)
    date_range: DateRange = DateRange(is_valid=False)
    duplicates: Duplicates = Duplicates(is_valid=False)
    regime_coverage: RegimeCoverage = RegimeCoverage()
    column_types: ColumnTypes = ColumnTypes(is_valid=False)
    checks: Annotated[
        tuple[CheckResult, ...], Meta(description="The contract's `checks`, and why rows are left out")
    ] = field(default_factory=tuple)
    rows_processed: Annotated[Count, Meta(description="Rows in the file")] = 0
    rows_enriched: Annotated[Count, Meta(description="Rows that nothing keeps from being loaded")] = 0
    rows_skipped: Annotated[Count, Meta(description="Rows left out, which are in quarantine")] = 0
    quarantine_reasons: Annotated[
        dict[str, Count],
        Meta(
            description="Rows in quarantine by reason, as _reason has it; a row with several counts for each"
        ),
    ] = field(default_factory=dict, hash=False)

    @property
    def is_valid(self) -> bool:
        parts = (self.required_fields, self.date_range, self.duplicates, self.column_types)
        broken = any(check.action == "fail" and check.failed_rows for check in self.checks)
        return all(part.is_valid for part in parts) and not broken


@dataclass(frozen=True)
class ExistingKeys:
    """How many of the file's keys the table has already, and the first of them."""

    count: Annotated[Count, Meta(description="Keys of the file that the table had already")]
    keys: Annotated[tuple[dict[str, Any], ...], Meta(description="The first 20 of them")] = ()
