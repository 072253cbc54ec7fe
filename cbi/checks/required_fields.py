"""The columns a file must have are there, and without NULLs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cbi.checks.check import CastBatch, Check, Evidence, FileContext, Outcome, validation_failures
from cbi.checks.near_names import did_you_mean
from cbi.contract.feed import Feed
from cbi.findings import RequiredFields, ValidationReport
from cbi.wording import counted

NullCounts = Mapping[str, int]


def checks(feed: Feed) -> Iterator[Check[NullCounts]]:
    yield RequiredFieldsCheck(feed.required_columns)


@dataclass(frozen=True)
class RequiredFieldsCheck(Check[NullCounts]):
    """Counts the NULLs in the required columns; those the footer counts are not read for that."""

    required: tuple[str, ...]

    def columns(self, file: FileContext) -> list[str]:
        return [
            name
            for name in self.required
            if name in file.casts and (name in file.kept_columns or _proved_null_count(file, name) is None)
        ]

    def look(self, batch: CastBatch) -> NullCounts:
        return {name: batch.columns[name].null_count for name in self.required if name in batch.columns}

    def conclude(self, evidence: Evidence[NullCounts]) -> Outcome:
        null_counts = dict(self._null_counts(evidence))
        found = find_required_fields(self.required, null_counts)
        sentences = _sentences(found, evidence.report)
        report = replace(evidence.report, required_fields=found)
        return Outcome(report, validation_failures(sentences))

    def _null_counts(self, evidence: Evidence[NullCounts]) -> Iterator[tuple[str, int]]:
        scan = evidence.scan
        looked_at = self.columns(scan.file)
        for name in filter(scan.is_readable, self.required):
            proved = None if name in looked_at else _proved_null_count(scan.file, name)
            yield name, sum(seen.get(name, 0) for seen in evidence.seen) if proved is None else proved


def find_required_fields(required: Sequence[str], null_counts: NullCounts) -> RequiredFields:
    """The finding, from the number of NULLs in every column that is there."""
    counts = {name: null_counts[name] for name in required if name in null_counts}
    missing = tuple(name for name in required if name not in null_counts)
    return RequiredFields(not missing and not any(counts.values()), missing, counts)


def _proved_null_count(file: FileContext, name: str) -> int | None:
    return file.statistics.null_count(name) if file.statistics.proves_cast(name) else None


def _sentences(found: RequiredFields, report: ValidationReport) -> Iterator[str]:
    mistyped = {error.column for error in report.column_types.errors}
    for name in found.missing_fields:
        if name not in mistyped:
            meant = did_you_mean(name, report.column_types.unknown_columns)
            hint = f"perhaps it is the file's {meant}: rename that" if meant else "write the file with it"
            yield f"The required column {name} is missing; {hint}."
    for name, nulls in found.null_counts.items():
        if nulls:
            rows = counted(nulls, "row", "rows")
            yield f"The required column {name} is NULL in {rows}; fill them or leave the rows out."
