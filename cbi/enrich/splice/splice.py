"""The fast way to enrich a file: append new column chunks and a new footer to the staged bytes.

A parquet file is column chunks, and a footer that says where they are. A column in a group that is always
there has the same definition levels as outside of it, so its pages serve as they are; only what the footer
says of them changes. What has no pages yet (regimes, constants, casts) is encoded behind the staged bytes,
as are rows of a row group that not all go into the same part.

The staged bytes and behind them a part's delta are a parquet file, equal to what `rewrite` writes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from cbi.contract.parts import DateInterval
from cbi.enrich.nest import Nesting
from cbi.enrich.splice.delta import Delta
from cbi.enrich.splice.nans import find_nans, vouched_by_pandas
from cbi.enrich.splice.plan import SplicePlan, plan_splice, refuse_unsplicable
from cbi.enrich.splice.row_slices import PartSlices
from cbi.parquet.flat_file import FlatFile


@dataclass(frozen=True)
class SplicedPart:
    """A part as it would be written: its rows and distinct dates, and what to append to the staged bytes."""

    plan: SplicePlan
    slices: PartSlices

    @property
    def name(self) -> str:
        return self.slices.name

    @property
    def rows(self) -> int:
        return self.slices.rows

    @property
    def partitions(self) -> int:
        return len(self.slices.dates)

    @property
    def first_date(self) -> date | None:
        return min(self.slices.dates, default=None)

    @property
    def last_date(self) -> date | None:
        return max(self.slices.dates, default=None)

    def delta(self) -> Iterator[bytes | memoryview]:
        """The bytes to append, in pieces: new column chunks, then the footer of the whole.

        Memory is bounded by what is encoded anew of a row group. Raises InvalidFile.
        """
        return Delta(self.plan).pieces(self.slices.slices)


@dataclass(frozen=True)
class Splice:
    """A file ready to be spliced: its parts, each with a delta of its own, and what is left out of them."""

    plan: SplicePlan

    @property
    def parts(self) -> tuple[SplicedPart, ...]:
        return tuple(SplicedPart(self.plan, slices) for slices in self.plan.slices)

    @property
    def kept_share(self) -> float:
        """How much of the bytes that the table wants of the file stays in place, from 0 to 1."""
        return self.plan.kept_share

    def skipped(self) -> Iterator[pa.RecordBatch]:
        """The rows without a regime, with all columns as they came; only their row groups are read."""
        return self.plan.skipped()


def splice(
    file: FlatFile,
    nesting: Nesting,
    date_intervals: Sequence[DateInterval],
    dates: pa.ChunkedArray | None,
    skips_rows: bool,
) -> Splice:
    """Look at what must be looked at for a splice into the parts that `rewrite` would write.

    `dates` are those of all rows (date32, without NULLs), None for a feed without dates; casts that may fail
    have been found not to. Raises Unsplicable for a file that must be rewritten, InvalidFile for one that
    cannot be read.
    """
    refuse_unsplicable(file, nesting)
    nans = find_nans(file, nesting, vouched_by_pandas(file))
    return Splice(plan_splice(file, nesting, date_intervals, dates, skips_rows, nans))
