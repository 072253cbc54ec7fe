"""What a check is: which columns it reads, how it looks at a batch, and what it concludes of the file.

`cbi/checks/registry.py` lists the checks and says how to add one.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import pyarrow as pa

from cbi.checks.footer_statistics import FooterStatistics
from cbi.contract.binding import Binding
from cbi.contract.casts import Cast
from cbi.contract.feed import Feed
from cbi.contract.quarantine import Quarantine, RejectedRows
from cbi.contract.unsafe_cast import UnsafeCast
from cbi.errors import Reason
from cbi.findings import Failure, ValidationReport
from cbi.lookups.regime_calendar import RegimeCalendar

Seen = TypeVar("Seen")
"""What a check remembers of a batch."""


@dataclass(frozen=True)
class FileContext:
    """What is known of a file before any value is read.

    `binding` says which of the file's columns fill which leaves; columns are named as the contract does from
    here on. `casts` has those that can become their leaves; `rows` is what the footer says.
    """

    feed: Feed
    schema: pa.Schema
    rows: int
    binding: Binding
    statistics: FooterStatistics

    @property
    def casts(self) -> Mapping[str, Cast]:
        return self.binding.casts

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """The key and the date, which are read of every file and kept for all its rows, come what may."""
        kept = {*self.feed.key, self.feed.date_column}
        return tuple(name for name in self.casts if name in kept)


@dataclass(frozen=True)
class CastBatch:
    """Some rows of a file: the columns that are read, as they were in the file and in the contract's types.

    `found` has the first, also under the names that the contract gives them. A required column of text comes
    as dictionary codes. A column in `errors` has a value in these rows that cannot be cast, and is not in
    `columns`. Where the contract wants such rows in quarantine, it is, those values are NULL, and `uncast` is
    true for them.
    """

    first_row: int
    found: pa.RecordBatch
    columns: Mapping[str, pa.Array]
    errors: Mapping[str, UnsafeCast]
    uncast: Mapping[str, pa.BooleanArray] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnScan:
    """What one pass over a file's columns found, whatever the checks make of it.

    `unreadable` names the columns with a value that cannot be cast. `rows_read` is None where no column had
    to be read. `kept` holds the key and the date of all rows, and what else a check asks for, where they are
    readable, in the contract's types (text as dictionaries that differ from chunk to chunk). Of a quarantine
    object that is replayed `earlier_reasons` are those for which its rows were left out, where one of several
    duplicates was kept.
    """

    file: FileContext
    unreadable: frozenset[str]
    rows_read: int | None
    kept: pa.Table
    earlier_reasons: pa.ChunkedArray | None = None

    @property
    def dates(self) -> pa.ChunkedArray:
        """The dates of all rows (date32), or none where the file has no dates that can be read."""
        name = self.file.feed.date_column
        return self.kept[name] if name in self.kept.column_names else pa.chunked_array([], pa.date32())

    def is_readable(self, name: str) -> bool:
        """Whether the file has a column, of a type and with values that become its leaf."""
        return name in self.file.casts and name not in self.unreadable


@dataclass(frozen=True)
class Evidence(Generic[Seen]):
    """All that a check concludes from.

    `seen` is what it remembers of the batches, in their order; `report` has the findings of the checks that
    stand before it in the registry, `left_out` the rows that they quarantine (None: none).
    """

    scan: ColumnScan
    seen: Sequence[Seen]
    calendar: RegimeCalendar
    report: ValidationReport
    left_out: Quarantine | None


@dataclass(frozen=True)
class Outcome:
    """What a check concludes: the report with its finding in it, and what follows for the file and its rows.

    With a failure nothing of the file is loaded. `quarantined` names the rows that are left out of the load
    and kept in quarantine, and why; what several checks name is left out once, for all their reasons.
    """

    report: ValidationReport
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()
    quarantined: tuple[RejectedRows, ...] = ()


class Check(Protocol[Seen]):
    """One thing that is looked for in a file. A check has no state: what it sees, it returns."""

    def columns(self, file: FileContext) -> Collection[str]:
        """The columns whose values it must look at, named as in the file.

        What `file.statistics` proves need not be looked at; a check without columns is shown no batches.
        """
        return ()

    def keeps(self, file: FileContext) -> Collection[str]:
        """Those of its columns of which it needs all rows in the end, besides the key and the date."""
        return ()

    def look(self, batch: CastBatch) -> Seen | None:
        """What to remember of a batch; None where that is nothing."""
        return None

    @abstractmethod
    def conclude(self, evidence: Evidence[Seen]) -> Outcome:
        """Conclude, once all batches were seen. Raises InvalidFile where the file cannot be read at all."""


def validation_failures(sentences: Iterable[str]) -> tuple[Failure, ...]:
    """A failure `validation_failed` for every sentence; a file's message has them all."""
    return tuple(Failure(Reason.VALIDATION_FAILED, sentence) for sentence in sentences)
