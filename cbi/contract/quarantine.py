"""Rows of a file that are left out of the load, each with all its reasons."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce

import pyarrow as pa
import pyarrow.compute as pc

REASON_COLUMN = "_reason"
"""The column that a quarantine object has besides those of the file."""

_BETWEEN_REASONS = "; "


@dataclass(frozen=True)
class RejectedRows:
    """The rows that are left out for one reason: a boolean for every row of the file, never NULL."""

    reason: str
    rows: pa.BooleanArray


@dataclass(frozen=True)
class Quarantine:
    """All rows that are left out of a file, or of a slice of it; there is at least one reason."""

    rejected: tuple[RejectedRows, ...]

    @cached_property
    def rows(self) -> pa.BooleanArray:
        """Which rows are left out, whatever for."""
        return reduce(pc.or_, (rejected.rows for rejected in self.rejected))

    @cached_property
    def loaded(self) -> pa.BooleanArray:
        """Which rows are not."""
        return pc.invert(self.rows)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rows are left out for each reason; one with several counts for each of them."""
        return {rejected.reason: rejected.rows.true_count for rejected in self.rejected}

    def slice(self, begin: int, rows: int) -> "Quarantine":
        """The same of so many rows from `begin`."""
        return Quarantine(
            tuple(
                RejectedRows(rejected.reason, rejected.rows.slice(begin, rows)) for rejected in self.rejected
            )
        )

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of a record batch that are left out, as they came, with the reasons of each.

        The quarantine must be that of just these rows. What an earlier quarantine said of them is replaced.
        """
        if REASON_COLUMN in batch.schema.names:
            batch = batch.drop_columns([REASON_COLUMN])
        return batch.filter(self.rows).append_column(REASON_COLUMN, self._reasons)

    @property
    def _reasons(self) -> pa.StringArray:
        texts = [
            pc.if_else(rejected.rows.filter(self.rows), rejected.reason, None).cast(pa.string())
            for rejected in self.rejected
        ]
        return pc.binary_join_element_wise(*texts, _BETWEEN_REASONS, null_handling="skip")
