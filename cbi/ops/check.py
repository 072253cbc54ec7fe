"""Validation of a local file, without any cloud."""

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from cbi.checks.validation import validate
from cbi.contract import DEFAULT_FEED
from cbi.contract.catalog import load_staged_feed
from cbi.errors import InvalidFile
from cbi.findings import Failure, ValidationReport
from cbi.lookups.regime_calendar import load_regimes_file
from cbi.parquet.source import ParquetSource
from cbi.runs.report import cut_lists


def check_file(path: Path, feed: str = DEFAULT_FEED) -> dict[str, Any]:
    """The part of a report that the file alone decides, as JSON data.

    It has `status`, `reason`, `message`, `validation_report` and `warnings`. The regimes are those of the
    package.
    """
    report = ValidationReport()
    failure: Failure | None = None
    warnings: tuple[str, ...] = ()
    try:
        contract = load_staged_feed(feed)
        with pa.memory_map(str(path)) as content:
            validation = validate(ParquetSource(content), contract, load_regimes_file())
        report, failure, warnings = validation.report, validation.failure, validation.warnings
    except InvalidFile as error:
        failure = Failure(error.reason, str(error))
    verdict = {
        "status": "failed" if failure else "success",
        "reason": failure.reason if failure else None,
        "message": failure.message if failure else "the file can be loaded",
        "validation_report": msgspec.to_builtins(report),
        "warnings": list(warnings),
    }
    cut: dict[str, Any] = cut_lists(verdict)
    return cut
