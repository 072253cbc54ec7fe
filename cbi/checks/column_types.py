"""The file's columns fit the contract: each becomes its leaf without loss, and unknown ones are told."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cbi.checks.check import CastBatch, Check, Evidence, FileContext, Outcome, validation_failures
from cbi.checks.failed_rows import FailedRows, none_of, of_file, reject
from cbi.checks.near_names import did_you_mean
from cbi.contract.binding import Binding
from cbi.contract.casts import Cast
from cbi.contract.feed import Feed
from cbi.contract.quarantine import RejectedRows
from cbi.contract.times import count_cut
from cbi.findings import ColumnTypeError, ColumnTypes
from cbi.wording import counted

_SHOWN_NAMES = 20


@dataclass(frozen=True)
class TypesSeen:
    """Of a batch: which columns have values that cannot be cast, or which rows are to be left out for those,
    and how many times lost nanoseconds."""

    errors: Mapping[str, str]
    left_out: Mapping[str, FailedRows]
    cut: Mapping[str, int]


def checks(feed: Feed) -> Iterator[Check[TypesSeen]]:
    yield ColumnTypesCheck(feed)


@dataclass(frozen=True)
class ColumnTypesCheck(Check[TypesSeen]):
    """Finds what cannot be cast: by the types, and by the values where neither type nor footer can tell."""

    feed: Feed

    def columns(self, file: FileContext) -> list[str]:
        return [name for name in file.casts if not file.statistics.proves_cast(name)]

    def look(self, batch: CastBatch) -> TypesSeen:
        rows = f"rows {batch.first_row:,} to {batch.first_row + len(batch.found) - 1:,}"
        errors = {name: f"in {rows}: {error}" for name, error in batch.errors.items()}
        cut = {name: count_cut(batch.found[name]) for name in batch.columns}
        left_out = {name: FailedRows(batch.first_row, failing) for name, failing in batch.uncast.items()}
        return TypesSeen(errors, left_out, {name: times for name, times in cut.items() if times})

    def conclude(self, evidence: Evidence[TypesSeen]) -> Outcome:
        file = evidence.scan.file
        by_types = column_types(file.binding)
        first_errors, cut = dict[str, str](), Counter[str]()
        for seen in evidence.seen:
            first_errors = {**seen.errors, **first_errors}
            cut.update(seen.cut)
        by_values = [self._unsafe(name, file.casts[name], where) for name, where in first_errors.items()]
        errors = (*by_types.errors, *by_values)
        found = replace(by_types, is_valid=not errors, errors=errors)
        rejected = dict(self._rejected(evidence))
        report = replace(evidence.report, column_types=found)
        return Outcome(
            reject(evidence, report, "types", rejected.items()),
            validation_failures([*(f"{error.message}." for error in errors), *self._unknown(found)]),
            tuple(_warnings(self.feed, found, {name: cut[name] for name in file.casts if name in cut})),
            tuple(rejected.values()),
        )

    def _unknown(self, found: ColumnTypes) -> Iterator[str]:
        """Why a feed that takes no unknown columns does not take the file's."""
        if found.unknown_columns and self.feed.unknown_columns == "fail":
            columns = counted(len(found.unknown_columns), "column is", "columns are")
            names = _listed(found.unknown_columns)
            yield f"{columns} not in the contract of {self.feed.name}: {names}; put them there."

    def _rejected(self, evidence: Evidence[TypesSeen]) -> Iterator[tuple[str, RejectedRows]]:
        """The rows to be left out because a value cannot be cast, by column."""
        file = evidence.scan.file
        for name in filter(evidence.scan.is_readable, file.casts):
            seen = [each.left_out[name] for each in evidence.seen if name in each.left_out]
            rows = of_file(seen, file.rows) if seen else none_of(0)
            if rows.true_count:
                wanted = self.feed.sources[name].field.type
                yield name, RejectedRows(f"{name} cannot become {wanted}", rows)

    def _unsafe(self, name: str, cast: Cast, where: str) -> ColumnTypeError:
        wanted = self.feed.sources[name].field.type
        message = f"{name} is {cast.found} and should become {wanted}, but {where}"
        return ColumnTypeError(name, str(cast.found), wanted, message)


def column_types(binding: Binding) -> ColumnTypes:
    """What a file's schema and name show, without looking at values."""
    return ColumnTypes(
        is_valid=not binding.errors,
        errors=binding.errors,
        cast_columns=tuple(name for name, cast in binding.casts.items() if not cast.keeps),
        unknown_columns=binding.unknown,
        absent_columns=binding.absent,
    )


def _warnings(feed: Feed, found: ColumnTypes, cut: Mapping[str, int]) -> Iterator[str]:
    for name, times in cut.items():
        had = counted(times, "time has", "times have")
        yield f"{name}: {had} nanoseconds, which are cut off to the microsecond"
    if found.unknown_columns and feed.unknown_columns == "warn":
        columns = counted(len(found.unknown_columns), "column is", "columns are")
        names = _listed(found.unknown_columns)
        yield f"{columns} not in the contract of {feed.name}, and not loaded: {names}"
    for name in found.unknown_columns:
        if meant := did_you_mean(name, found.absent_columns):
            yield f"column {name} is not in the contract of {feed.name}: did you mean {meant}?"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
