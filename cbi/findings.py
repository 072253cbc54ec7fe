"""What looking at a file found: the parts of a report's `validation_report`."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cbi.errors import Reason


@dataclass(frozen=True)
class Failure:
    """Why nothing (more) of a file is loaded, with a sentence a person can act on."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class RequiredFields:
    """The columns a file must have: which are missing, and how many NULLs the others hold."""

    is_valid: bool
    missing_fields: tuple[str, ...] = ()
    null_counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnTypeError:
    """A column whose values its place in the table cannot hold; the message says what to do."""

    column: str
    found: str
    wanted: str
    message: str


@dataclass(frozen=True)
class ColumnTypes:
    """The file's columns against the contract: wrong types, and columns the contract does not know."""

    is_valid: bool
    errors: tuple[ColumnTypeError, ...] = ()
    cast_columns: tuple[str, ...] = ()
    unknown_columns: tuple[str, ...] = ()
    absent_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class DateRange:
    """The first and last date of the file; None where it has none that can be read."""

    is_valid: bool
    min_date: date | None = None
    max_date: date | None = None
    message: str | None = None


@dataclass(frozen=True)
class Duplicates:
    """Rows that share their key with another: how many rows in all, and the first keys of them."""

    is_valid: bool
    duplicate_count: int = 0
    keys: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class RegimeCoverage:
    """Which of the file's distinct dates have a market regime.

    `coverage_pct` is of `total_dates`; 0 where no dates were looked up, as of a file that cannot be read.
    """

    total_dates: int = 0
    covered_dates: int = 0
    missing_dates: tuple[date, ...] = ()
    coverage_pct: float = 0.0


@dataclass(frozen=True)
class ValidationReport:
    """What was found in the file. Of a file that could not be looked at, nothing is valid."""

    required_fields: RequiredFields = RequiredFields(is_valid=False)
    date_range: DateRange = DateRange(is_valid=False)
    duplicates: Duplicates = Duplicates(is_valid=False)
    regime_coverage: RegimeCoverage = RegimeCoverage()
    column_types: ColumnTypes = ColumnTypes(is_valid=False)
    rows_processed: int = 0
    rows_enriched: int = 0
    rows_skipped: int = 0

    @property
    def is_valid(self) -> bool:
        parts = (self.required_fields, self.date_range, self.duplicates, self.column_types)
        return all(part.is_valid for part in parts)


@dataclass(frozen=True)
class ExistingKeys:
    """How many of the file's keys the table has already, and the first of them."""

    count: int
    keys: tuple[dict[str, Any], ...] = ()
