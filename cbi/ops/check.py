"""Validation of files and tables without any cloud: what would be loaded of them, what not, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from cbi.checks.validation import validate
from cbi.contract import DEFAULT_FEED
from cbi.contract.catalog import load_staged_feed
from cbi.errors import InvalidFile, InvalidInput, Reason
from cbi.findings import Failure, ValidationReport
from cbi.lookups.regime_calendar import load_regimes_file
from cbi.parquet.source import ParquetSource
from cbi.parquet.tables import arrow_table
from cbi.runs.report import cut_lists
from cbi.wording import counted

_LARGE_SHARE = 0.05
"""A file of which more is in quarantine is seldom as it was meant."""


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
    with pa.memory_map(str(path)) as content:
        return check_content(content, feed, path.absolute().as_posix())


def check_table(table: Any, feed: str = DEFAULT_FEED) -> FileVerdict:
    """Validate a table of Arrow, pandas, Polars or another library, as `ingest` would stage it.

    Raises UnknownTable for what is none, and Misconfigured for a broken contract.
    """
    buffer = pa.BufferOutputStream()
    pq.write_table(arrow_table(table), buffer)
    return check_content(pa.BufferReader(buffer.getvalue()), feed, "")


def check_content(content: pa.NativeFile, feed: str, name: str) -> FileVerdict:
    """Validate an open file under a name. Raises Misconfigured for a broken contract."""
    try:
        contract = load_staged_feed(feed)
        found = validate(ParquetSource(content), contract, load_regimes_file(), object_name=name)
    except InvalidFile as error:
        return _failed(Failure(error.reason, str(error)), ValidationReport(), ())
    if found.failure is not None:
        return _failed(found.failure, found.report, found.warnings)
    message, warnings = _told(found.report)
    return FileVerdict("success", None, message, found.report, (*found.warnings, *warnings))


def find_files(source: str) -> Iterator[Path]:
    """The parquet files that a path, a folder or a glob names, in order. Raises InvalidInput for none."""
    path = Path(source)
    if path.is_file():
        yield path
        return
    pattern = str(path / "**") if path.is_dir() else source
    names = sorted(name for name in glob(pattern, recursive=True) if name.lower().endswith(".parquet"))
    found = [path for name in names if (path := Path(name)).is_file()]
    if not found:
        what = "names no parquet file" if path.exists() or has_magic(source) else "does not exist"
        raise InvalidInput(f"{source} {what}; give the path of a parquet file, a folder of some, or a glob")
    yield from found


def _failed(failure: Failure, report: ValidationReport, warnings: tuple[str, ...]) -> FileVerdict:
    return FileVerdict("failed", failure.reason, failure.message, report, warnings)


def _told(report: ValidationReport) -> tuple[str, tuple[str, ...]]:
    """What of a file would be loaded, and a warning where much would not."""
    if not report.rows_skipped:
        return "the file can be loaded", ()
    rows, skipped = report.rows_processed, report.rows_skipped
    reasons = ", ".join(f"{reason}: {count:,}" for reason, count in report.quarantine_reasons.items())
    would = counted(skipped, "row would be", "rows would be")
    message = f"{report.rows_enriched:,} of {rows:,} rows would be loaded; {would} quarantined ({reasons})"
    if skipped <= _LARGE_SHARE * rows:
        return message, ()
    return message, (f"{skipped / rows:.0%} of the rows would be in quarantine: is that meant?",)
