"""Validation of a local file, without any cloud."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa

from cbi.checks.validation import validate
from cbi.contract import DEFAULT_FEED
from cbi.contract.catalog import load_staged_feed
from cbi.errors import InvalidFile, Reason
from cbi.findings import Failure, ValidationReport
from cbi.lookups.regime_calendar import load_regimes_file
from cbi.parquet.source import ParquetSource
from cbi.runs.report import cut_lists


@dataclass(frozen=True)
class FileVerdict:
    """The part of a report that the file alone decides."""

    status: Literal["success", "failed"]
    reason: Reason | None
    message: str
    validation_report: ValidationReport
    warnings: tuple[str, ...]

    def as_written(self) -> dict[str, Any]:
        """The verdict as JSON data, long lists cut."""
        cut: dict[str, Any] = cut_lists(msgspec.to_builtins(self))
        return cut


def check_file(path: Path, feed: str = DEFAULT_FEED) -> FileVerdict:
    """Validate a file by the regimes of the package. Raises Misconfigured for a broken contract."""
    report = ValidationReport()
    failure: Failure | None = None
    warnings: tuple[str, ...] = ()
    try:
        contract = load_staged_feed(feed)
        with pa.memory_map(str(path)) as content:
            validation = validate(
                ParquetSource(content), contract, load_regimes_file(), object_name=path.absolute().as_posix()
            )
        report, failure, warnings = validation.report, validation.failure, validation.warnings
    except InvalidFile as error:
        failure = Failure(error.reason, str(error))
    return FileVerdict(
        status="failed" if failure else "success",
        reason=failure.reason if failure else None,
        message=failure.message if failure else "the file can be loaded",
        validation_report=report,
        warnings=warnings,
    )
