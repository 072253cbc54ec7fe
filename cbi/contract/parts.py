"""Parts of a run, one load job a part: rows are cut by date, for the 4,000-partition limit of a load job."""

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

MAX_PARTITIONS_PER_JOB = 4_000
"""How many partitions one load job may modify: https://cloud.google.com/bigquery/quotas#load_jobs"""


@dataclass(frozen=True)
class DateInterval:
    """The days, both included, whose rows go into one part."""

    first: date
    last: date


@dataclass(frozen=True)
class Part:
    """A part of a run as it was written: its object, the rows in it, and their distinct dates."""

    name: str
    rows: int
    partitions: int
    first_date: date | None = None
    last_date: date | None = None


def split_dates(dates: pa.ChunkedArray) -> tuple[DateInterval, ...]:
    """Cut the distinct dates of a date32 column into intervals of at most 4,000 of them."""
    distinct = pc.unique(dates).drop_null().sort()
    return tuple(
        DateInterval(
            distinct[start].as_py(), distinct[min(start + MAX_PARTITIONS_PER_JOB, len(distinct)) - 1].as_py()
        )
        for start in range(0, len(distinct), MAX_PARTITIONS_PER_JOB)
    )
