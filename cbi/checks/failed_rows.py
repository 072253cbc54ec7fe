"""The rows of a file that fail a check: what is remembered of a batch, and what comes of them in the end."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cbi.checks.check import CastBatch, Evidence
from cbi.contract.quarantine import RejectedRows
from cbi.findings import CheckResult, ValidationReport

_SHOWN_KEYS = 5


@dataclass(frozen=True)
class FailedRows:
    """Of a batch: which rows fail, from which row of the file on."""

    first_row: int
    failing: pa.BooleanArray


def failed_rows(batch: CastBatch, reads: Iterable[str], failing: pa.Array) -> FailedRows | None:
    """What to remember of a batch; None where no row fails. Rows whose value cannot be cast fail for that."""
    failing = pc.fill_null(failing, False)
    for name in reads:
        if name in batch.uncast:
            failing = pc.and_not(failing, batch.uncast[name])
    return FailedRows(batch.first_row, failing) if pc.any(failing).as_py() else None


def of_file(seen: Iterable[FailedRows], rows: int) -> pa.BooleanArray:
    """A boolean for every row of the file, of the batches in which some fail."""
    parts, at = list[pa.Array](), 0
    for batch in seen:
        parts += [none_of(batch.first_row - at), batch.failing]
        at = batch.first_row + len(batch.failing)
    return pa.concat_arrays([*parts, none_of(rows - at)])


def none_of(rows: int) -> pa.BooleanArray:
    return pa.repeat(pa.scalar(False), rows)


def first_keys(evidence: Evidence[Any], failing: pa.BooleanArray) -> tuple[dict[str, Any], ...]:
    """The keys of the first rows that fail; none where the file's keys cannot be read."""
    kept, key = evidence.scan.kept, evidence.scan.file.feed.key
    if not failing.true_count or not set(key) <= set(kept.column_names):
        return ()
    first = pc.indices_nonzero(failing).slice(0, _SHOWN_KEYS)
    return tuple(kept.select(list(key)).take(first).to_pylist())


def reject(
    evidence: Evidence[Any],
    report: ValidationReport,
    check: str,
    rejected: Iterable[tuple[str, RejectedRows]],
) -> ValidationReport:
    """A report that tells of rows which a check leaves out by itself, for each column that has some."""
    found = tuple(
        CheckResult(check, column, "quarantine", each.rows.true_count, first_keys(evidence, each.rows))
        for column, each in rejected
    )
    return replace(report, checks=(*report.checks, *found))
