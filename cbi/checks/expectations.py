"""The checks that a contract asks for: `cbi/expectations` says what each is, this looks at the file."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cbi.checks.check import CastBatch, Check, ColumnScan, Evidence, FileContext, Outcome, validation_failures
from cbi.contract.feed import ARROW_TYPES, Feed
from cbi.contract.quarantine import RejectedRows
from cbi.expectations.expectation import Action, FileTest, RowTest, TableTest
from cbi.findings import CheckResult
from cbi.wording import counted

_SHOWN_KEYS = 5


def checks(feed: Feed) -> Iterator[Check[Any]]:
    for name, _, rule in feed.checks.rules():
        for test in rule.tests():
            match test:
                case RowTest():
                    yield RowCheck(feed, name, rule.action, test)
                case TableTest():
                    yield TableCheck(feed, name, rule.action, test)
                case FileTest():
                    yield FileCheck(name, rule.action, test)


@dataclass(frozen=True)
class FailedRows:
    """Of a batch: which rows fail, from which row of the file on."""

    first_row: int
    failing: pa.BooleanArray


@dataclass(frozen=True)
class RowCheck(Check[FailedRows]):
    """Tests each batch by itself, unless the footer proves that no row of the file fails."""

    feed: Feed
    name: str
    action: Action
    test: RowTest

    def columns(self, file: FileContext) -> Collection[str]:
        return () if _lacks_any(file, self.test.reads) or self._is_proved(file) else self.test.reads

    def look(self, batch: CastBatch) -> FailedRows | None:
        if not set(self.test.reads) <= batch.columns.keys():
            return None
        failing = pc.fill_null(self.test.failing(batch.columns), False)
        return FailedRows(batch.first_row, failing) if pc.any(failing).as_py() else None

    def conclude(self, evidence: Evidence[FailedRows]) -> Outcome:
        file, reads = evidence.scan.file, self.test.reads
        if _is_unreadable(evidence, reads):
            return Outcome(evidence.report)
        lacks_any = _lacks_any(file, reads)
        failing = self._of_nulls(file) if lacks_any else _whole(evidence.seen, file.rows)
        if failing.true_count <= self.test.tolerated_share * file.rows:
            failing = _none_of(file.rows)
        proved = not lacks_any and self._is_proved(file)
        keys = _first_keys(evidence, failing)
        found = CheckResult(self.name, self.test.column, self.action, failing.true_count, keys, proved)
        return _conclude(evidence, found, self.test.reason, failing)

    def _is_proved(self, file: FileContext) -> bool:
        # The key and the date are read anyway, so the footer need not be believed.
        return not set(self.test.reads) <= set(file.kept_columns) and self.test.proved(file.statistics)

    def _of_nulls(self, file: FileContext) -> pa.BooleanArray:
        """Which rows fail where the file lacks a column, so that its values are NULL."""
        if any(name in file.casts for name in self.test.reads):
            return _none_of(file.rows)  # what is compared with NULL passes
        nulls = {name: pa.nulls(1, _leaf_type(self.feed, name)) for name in self.test.reads}
        (fails,) = pc.fill_null(self.test.failing(nulls), False)
        return pa.repeat(fails, file.rows)


@dataclass(frozen=True)
class TableCheck(Check[None]):
    """Tests all rows at once, in the end; the pass keeps the columns for it."""

    feed: Feed
    name: str
    action: Action
    test: TableTest

    def columns(self, file: FileContext) -> Collection[str]:
        return [name for name in self.test.reads if name in file.casts]

    def keeps(self, file: FileContext) -> Collection[str]:
        return self.columns(file)

    def conclude(self, evidence: Evidence[None]) -> Outcome:
        if _is_unreadable(evidence, self.test.reads):
            return Outcome(evidence.report)
        failing = self.test.failing(self._table(evidence.scan))
        keys = _first_keys(evidence, failing)
        found = CheckResult(self.name, self.test.column, self.action, failing.true_count, keys)
        return _conclude(evidence, found, self.test.reason, failing)

    def _table(self, scan: ColumnScan) -> pa.Table:
        """All rows of the columns; those that the file lacks are NULL."""
        columns = {name: scan.kept[name] for name in self.columns(scan.file)}
        nulls = {name: pa.nulls(scan.file.rows, _leaf_type(self.feed, name)) for name in self.test.reads}
        return pa.table({**nulls, **columns})


@dataclass(frozen=True)
class FileCheck(Check[None]):
    """Tests how many rows the file has; it breaks the rule with all of them."""

    name: str
    action: Action
    test: FileTest

    def conclude(self, evidence: Evidence[None]) -> Outcome:
        rows = evidence.scan.file.rows
        failed = self.test.failing(rows)
        found = CheckResult(self.name, None, self.action, rows if failed else 0)
        report = replace(evidence.report, checks=(*evidence.report.checks, found))
        sentences = [f"The file has {counted(rows, 'row', 'rows')}; {self.test.reason}."] if failed else []
        if self.action == "fail":
            return Outcome(report, validation_failures(sentences))
        return Outcome(report, warnings=tuple(sentences))


def _conclude(evidence: Evidence[Any], found: CheckResult, reason: str, failing: pa.BooleanArray) -> Outcome:
    report = replace(evidence.report, checks=(*evidence.report.checks, found))
    if not found.failed_rows:
        return Outcome(report)
    if found.action == "quarantine":
        return Outcome(report, quarantined=(RejectedRows(reason, failing),))
    sentence = f"{reason} in {counted(found.failed_rows, 'row', 'rows')}"
    if found.first_keys:
        first = ", ".join(str(value) for value in found.first_keys[0].values())
        sentence += f", the first ({first})"
    if found.action == "fail":
        return Outcome(report, validation_failures([f"{sentence}; correct them or leave them out."]))
    return Outcome(report, warnings=(sentence,))


def _lacks_any(file: FileContext, reads: Collection[str]) -> bool:
    return not set(reads) <= file.casts.keys()


def _leaf_type(feed: Feed, name: str) -> pa.DataType:
    return ARROW_TYPES[feed.sources[name].field.type]


def _is_unreadable(evidence: Evidence[Any], reads: Collection[str]) -> bool:
    """Whether a column is there, but not as the contract wants it, which fails the file for that."""
    scan = evidence.scan
    return any(name in scan.file.schema.names and not scan.is_readable(name) for name in reads)


def _whole(seen: Sequence[FailedRows], rows: int) -> pa.BooleanArray:
    """A boolean for every row of the file, of the batches that had any that fail."""
    parts, at = list[pa.Array](), 0
    for batch in seen:
        parts += [_none_of(batch.first_row - at), batch.failing]
        at = batch.first_row + len(batch.failing)
    return pa.concat_arrays([*parts, _none_of(rows - at)])


def _none_of(rows: int) -> pa.BooleanArray:
    return pa.repeat(pa.scalar(False), rows)


def _first_keys(evidence: Evidence[Any], failing: pa.BooleanArray) -> tuple[dict[str, Any], ...]:
    kept, key = evidence.scan.kept, evidence.scan.file.feed.key
    if not failing.true_count or not set(key) <= set(kept.column_names):
        return ()
    first = pc.indices_nonzero(failing).slice(0, _SHOWN_KEYS)
    return tuple(kept.select(list(key)).take(first).to_pylist())
