"""A contract with every type, and both strategies to enrich a file of it."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cbi.checks.regime_coverage import NO_REGIME
from cbi.contract.feed import Feed
from cbi.contract.parse import parse_feed
from cbi.contract.parts import DateInterval
from cbi.contract.quarantine import Quarantine, RejectedRows
from cbi.enrich.rewrite import Rewritten, rewrite
from cbi.enrich.splice.delta import make_delta
from cbi.enrich.splice.plan import SplicePlan, plan_splice
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.parquet.column_chunk import decode_chunk
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.footer import Footer
from cbi.parquet.spec import ColumnChunk
from cbi.parquet.thrift import Struct
from support.parquet_pages import with_footer
from support.tables import CALENDAR, Bucket, nesting, open_source

WHOLE = (DateInterval(date.min, date.max),)

CONTRACT: dict[str, Any] = {
    "table": "features.every_type",
    "key": ["symbol", "day"],
    "partition_by": "day",
    "unknown_columns": "rescue",
    "enrich": {
        "regime.name": "regime",
        "regime.weight": "weight",
        "regime_name": "regime",
        "loaded_at": "finalized_at",
        "run_id": "run_id",
        "others.rescued": "unknown_columns",
    },
    "schema": [
        {"name": "symbol", "type": "STRING", "mode": "REQUIRED"},
        {"name": "day", "type": "DATE", "mode": "REQUIRED"},
        {"name": "seen_at", "type": "TIMESTAMP"},
        {
            "name": "numbers",
            "type": "STRUCT",
            "fields": [
                {"name": "price", "type": "FLOAT64"},
                {"name": "weight", "type": "FLOAT64", "mode": "REQUIRED"},
                {"name": "deeper", "type": "STRUCT", "fields": [{"name": "count", "type": "INT64"}]},
            ],
        },
        {
            "name": "others",
            "type": "STRUCT",
            "fields": [
                {"name": "stale", "type": "BOOL", "source": "ist_alt_é"},
                {"name": "note", "type": "STRING"},
                {"name": "blob", "type": "BYTES"},
                {"name": "settled", "type": "DATE"},
                {"name": "rescued", "type": "STRING"},
                {"name": "venue", "type": "STRING", "constant": "CBOT"},
                {"name": "bid", "type": "FLOAT64", "source": "book.best.bid"},
                {"name": "traded", "type": "DATE", "format": "%Y%m%d"},
                {"name": "closed", "type": "DATE", "timezone": "America/New_York", "as": "date"},
                {"name": "opened", "type": "TIMESTAMP", "timezone": "America/New_York"},
                {
                    "name": "open_day",
                    "type": "DATE",
                    "source": "opened",
                    "timezone": "America/New_York",
                    "as": "date",
                },
                {"name": "absent", "type": "FLOAT64"},
            ],
        },
        {
            "name": "regime",
            "type": "STRUCT",
            "fields": [{"name": "name", "type": "STRING"}, {"name": "weight", "type": "INT64"}],
        },
        {"name": "regime_name", "type": "STRING", "mode": "REQUIRED"},
        {"name": "loaded_at", "type": "TIMESTAMP"},
        {"name": "run_id", "type": "STRING"},
    ],
}


def every_type(**changes: Any) -> Feed:
    """The contract, with other values for some of its keys."""
    return parse_feed("every_type", {**CONTRACT, **changes})


def open_flat(content: bytes) -> FlatFile:
    return FlatFile(lambda start, length: content[start : start + length], len(content))


def spliced(
    content: bytes,
    feed: Feed,
    date_intervals: Sequence[DateInterval] = WHOLE,
    calendar: RegimeCalendar = CALENDAR,
    file: FlatFile | None = None,
) -> tuple[SplicePlan, list[bytes]]:
    """A file's plan, and its parts as they are when joined."""
    file = file or open_flat(content)
    dates = dates_of(file, feed)
    plan = plan_splice(
        file, nesting(file.schema, feed, calendar), date_intervals, dates, without_regime(dates, calendar)
    )
    return plan, [content + b"".join(make_delta(plan, part)) for part in plan.parts]


def rewritten(
    content: bytes,
    feed: Feed,
    date_intervals: Sequence[DateInterval] = WHOLE,
    calendar: RegimeCalendar = CALENDAR,
) -> tuple[Rewritten, Bucket]:
    """What a rewrite makes of the same file, and the bucket with its parts."""
    bucket, source = Bucket(), open_source(content)
    quarantine = without_regime(dates_of(open_flat(content), feed), calendar)
    run = nesting(source.schema, feed, calendar)
    return rewrite(source, run, date_intervals, quarantine, bucket.open_sink), bucket


def dates_of(file: FlatFile, feed: Feed) -> pa.ChunkedArray:
    """The dates of all rows, as validating the file finds them."""
    assert feed.date_column is not None
    cast = nesting(file.schema, feed).casts[feed.date_column]
    return pa.chunked_array(
        [cast.read(batch) for batch in file.batches([cast.place.column or ""])], pa.date32()
    )


def without_regime(dates: pa.ChunkedArray, calendar: RegimeCalendar) -> Quarantine | None:
    """The rows of these dates that have no regime; None where all have one."""
    missing = pa.array([calendar.get_regime(day) is None for day in dates.to_pylist()], pa.bool_())
    return Quarantine((RejectedRows(NO_REGIME, missing),)) if missing.true_count else None


def read(content: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(content))


def comparable(table: pa.Table) -> pa.Table:
    """A table with a number in place of a NaN, which equals nothing, and dictionaries decoded.

    Arrow calls dictionaries different where NULL alone is the value of all rows that they are for. The
    fields of STRUCTs become columns.
    """
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table[place].cast(field.type.value_type))
        if pa.types.is_floating(field.type):
            values = table[place].cast(pa.float64())
            table = table.set_column(place, field.name, pc.if_else(pc.is_nan(values), 1e300, values))
    return table


def tampered(content: bytes, change: Callable[[Footer], Footer]) -> bytes:
    """A file with another footer."""
    return with_footer(content, change(open_flat(content).footer))


def with_first_chunk(footer: Footer, change: Callable[[Struct, Struct], Struct]) -> Footer:
    """The footer with another description of the first column chunk, made of that and its metadata."""
    group, *others = footer.row_groups
    chunk = Struct.decode(group.chunks[0].raw)
    changed, _ = decode_chunk(change(chunk, chunk.struct(ColumnChunk.META_DATA) or Struct()).encode(), 0)
    first = replace(group, chunks=(changed, *group.chunks[1:]))
    return replace(footer, row_groups=(first, *others))
