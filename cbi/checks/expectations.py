"""The checks that a contract asks for: `cbi/expectations` says what each is, this looks at the file."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cbi.checks.check import CastBatch, Check, ColumnScan, Evidence, FileContext, Outcome, validation_failures
from cbi.checks.failed_rows import FailedRows, failed_rows, first_keys, none_of, of_file
from cbi.contract.feed import ARROW_TYPES, Feed
from cbi.contract.quarantine import RejectedRows
from cbi.expectations.expectation import Action, FileTest, RowTest, TableTest
from cbi.findings import CheckResult
from cbi.wording import counted


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
        return failed_rows(batch, self.test.reads, self.test.failing(batch.columns))

    def conclude(self, evidence: Evidence[FailedRows]) -> Outcome:
        file, reads = evidence.scan.file, self.test.reads
        if _is_unreadable(evidence, reads):
            return Outcome(evidence.report)
        lacks_any = _lacks_any(file, reads)
        if not (lacks_any or evidence.seen):
            return _holds(evidence, self, proved=self._is_proved(file))
        failing = self._of_nulls(file) if lacks_any else of_file(evidence.seen, file.rows)
        if failing.true_count <= self.test.tolerated_share * file.rows:
            return _holds(evidence, self, proved=False)
        return _fails(evidence, self, failing)

    def _is_proved(self, file: FileContext) -> bool:
        # The key and the date are read anyway, so the footer need not be believed.
        return not set(self.test.reads) <= set(file.kept_columns) and self.test.proved(file.statistics)

    def _of_nulls(self, file: FileContext) -> pa.BooleanArray:
        """Which rows fail where the file lacks a column, so that its values are NULL."""
        if any(name in file.casts for name in self.test.reads):
            return none_of(file.rows)  # what is compared with NULL passes
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
        return _fails(evidence, self, failing) if failing.true_count else _holds(evidence, self, proved=False)

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


def _holds(evidence: Evidence[Any], check: RowCheck | TableCheck, *, proved: bool) -> Outcome:
    found = CheckResult(check.name, check.test.column, check.action, 0, (), proved)
    return Outcome(replace(evidence.report, checks=(*evidence.report.checks, found)))


def _fails(evidence: Evidence[Any], check: RowCheck | TableCheck, failing: pa.BooleanArray) -> Outcome:
    rows, keys, reason = failing.true_count, first_keys(evidence, failing), check.test.reason
    found = CheckResult(check.name, check.test.column, check.action, rows, keys)
    report = replace(evidence.report, checks=(*evidence.report.checks, found))
    if check.action == "quarantine":
        return Outcome(report, quarantined=(RejectedRows(reason, failing),))
    sentence = f"{reason} in {counted(rows, 'row', 'rows')}"
    if keys:
        sentence += f", the first ({', '.join(str(value) for value in keys[0].values())})"
    if check.action == "fail":
        return Outcome(report, validation_failures([f"{sentence}; correct them or leave them out."]))
    return Outcome(report, warnings=(sentence,))


def _lacks_any(file: FileContext, reads: Collection[str]) -> bool:
    return not set(reads) <= file.casts.keys()


def _leaf_type(feed: Feed, name: str) -> pa.DataType:
    return ARROW_TYPES[feed.sources[name].field.type]


def _is_unreadable(evidence: Evidence[Any], reads: Collection[str]) -> bool:
    """Whether a column is there, but not as the contract wants it, which fails the file for that."""
    scan = evidence.scan
    return any(not scan.is_readable(name) for name in reads if name not in scan.file.binding.absent)
