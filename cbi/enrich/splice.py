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

from cbi.enrich.delta import Delta
from cbi.enrich.flat_file import FlatFile
from cbi.enrich.nans import find_nans, vouched_by_pandas
from cbi.enrich.nest import Nesting
from cbi.enrich.parts import DateSpan
from cbi.enrich.shares import PartShares
from cbi.enrich.splice_plan import SplicePlan, plan_splice, refuse_unsplicable


@dataclass(frozen=True)
class SplicedPart:
    """A part as it would be written: its rows and distinct dates, and what to append to the staged bytes."""

    plan: SplicePlan
    shares: PartShares

    @property
    def name(self) -> str:
        return self.shares.name

    @property
    def rows(self) -> int:
        return self.shares.rows

    @property
    def partitions(self) -> int:
        return len(self.shares.dates)

    @property
    def first_date(self) -> date | None:
        return min(self.shares.dates, default=None)

    @property
    def last_date(self) -> date | None:
        return max(self.shares.dates, default=None)

    def delta(self) -> Iterator[bytes | memoryview]:
        """The bytes to append, in pieces: new column chunks, then the footer of the whole.

        Memory is bounded by what is encoded anew of a row group. Raises InvalidFile.
        """
        return Delta(self.plan).pieces(self.shares.shares)


@dataclass(frozen=True)
class Splice:
    """A file ready to be spliced: its parts, each with a delta of its own, and what is left out of them."""

    plan: SplicePlan

    @property
    def parts(self) -> tuple[SplicedPart, ...]:
        return tuple(SplicedPart(self.plan, shares) for shares in self.plan.shares)

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
    spans: Sequence[DateSpan],
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
    return Splice(plan_splice(file, nesting, spans, dates, skips_rows, nans))
