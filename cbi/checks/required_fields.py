"""The columns a file must have are there, and without NULLs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cbi.checks.check import CastBatch, Check, Evidence, FileContext, Outcome, validation_failures
from cbi.checks.failed_rows import FailedRows, failed_rows, of_file, reject
from cbi.checks.near_names import did_you_mean
from cbi.contract.feed import Feed
from cbi.contract.quarantine import RejectedRows
from cbi.findings import RequiredFields, ValidationReport
from cbi.wording import counted

NullCounts = Mapping[str, int]


@dataclass(frozen=True)
class NullsSeen:
    """Of a batch: how many NULLs the required columns have, and which rows are to be left out for them."""

    counts: NullCounts
    left_out: Mapping[str, FailedRows]


def checks(feed: Feed) -> Iterator[Check[NullsSeen]]:
    yield RequiredFieldsCheck(feed.required_columns, feed.quarantines_invalid_rows)


@dataclass(frozen=True)
class RequiredFieldsCheck(Check[NullsSeen]):
    """Counts the NULLs in the required columns; those the footer counts are not read for that."""

    required: tuple[str, ...]
    leaves_rows_out: bool = False

    def columns(self, file: FileContext) -> list[str]:
        return [
            name
            for name in self.required
            if name in file.casts and (name in file.kept_columns or self._proved(file, name) is None)
        ]

    def look(self, batch: CastBatch) -> NullsSeen:
        there = [name for name in self.required if name in batch.columns]
        left_out = {}
        for name in there if self.leaves_rows_out else ():
            if failed := failed_rows(batch, [name], batch.columns[name].is_null()):
                left_out[name] = failed
        return NullsSeen({name: batch.columns[name].null_count for name in there}, left_out)

    def conclude(self, evidence: Evidence[NullsSeen]) -> Outcome:
        rejected = dict(self._rejected(evidence)) if self.leaves_rows_out else {}
        null_counts = dict(self._null_counts(evidence))
        if self.leaves_rows_out:  # then what cannot be cast is no NULL
            null_counts |= {
                name: rejected[name].rows.true_count if name in rejected else 0 for name in null_counts
            }
        found = find_required_fields(self.required, null_counts)
        sentences = _sentences(found, evidence.report, nulls_are_wrong=not self.leaves_rows_out)
        if self.leaves_rows_out:
            found = replace(found, is_valid=not found.missing_fields)
        report = replace(evidence.report, required_fields=found)
        report = reject(evidence, report, "required", rejected.items())
        return Outcome(report, validation_failures(sentences), quarantined=tuple(rejected.values()))

    def _rejected(self, evidence: Evidence[NullsSeen]) -> Iterator[tuple[str, RejectedRows]]:
        for name in filter(evidence.scan.is_readable, self.required):
            if seen := [each.left_out[name] for each in evidence.seen if name in each.left_out]:
                rows = of_file(seen, evidence.scan.file.rows)
                yield name, RejectedRows(f"{name} is NULL, but required", rows)

    def _null_counts(self, evidence: Evidence[NullsSeen]) -> Iterator[tuple[str, int]]:
        scan = evidence.scan
        looked_at = self.columns(scan.file)
        for name in filter(scan.is_readable, self.required):
            proved = None if name in looked_at else self._proved(scan.file, name)
            seen = sum(each.counts.get(name, 0) for each in evidence.seen)
            yield name, seen if proved is None else proved

    def _proved(self, file: FileContext, name: str) -> int | None:
        """How many NULLs the footer proves; None where they are to be looked at."""
        proved = file.statistics.null_count(name) if file.statistics.proves_cast(name) else None
        return None if proved and self.leaves_rows_out else proved


def find_required_fields(required: Sequence[str], null_counts: NullCounts) -> RequiredFields:
    """The finding, from the number of NULLs in every column that is there."""
    counts = {name: null_counts[name] for name in required if name in null_counts}
    missing = tuple(name for name in required if name not in null_counts)
    return RequiredFields(not missing and not any(counts.values()), missing, counts)


def _sentences(found: RequiredFields, report: ValidationReport, *, nulls_are_wrong: bool) -> Iterator[str]:
    mistyped = {error.column for error in report.column_types.errors}
    for name in found.missing_fields:
        if name not in mistyped:
            meant = did_you_mean(name, report.column_types.unknown_columns)
            hint = f"perhaps it is the file's {meant}: rename that" if meant else "write the file with it"
            yield f"The required column {name} is missing; {hint}."
    for name, nulls in found.null_counts.items():
        if nulls and nulls_are_wrong:
            rows = counted(nulls, "row", "rows")
            yield f"The required column {name} is NULL in {rows}; fill them or leave the rows out."
