"""A file taken from its bytes to nested rows and quarantine, by either strategy, without any cloud."""

from typing import Any

import pyarrow as pa

from cbi.checks.validation import Validation, validate
from cbi.contract.feed import Feed
from cbi.enrich.quarantine import write_quarantine
from cbi.enrich.rewrite import rewrite
from cbi.enrich.splice.delta import make_delta
from cbi.enrich.splice.plan import plan_splice
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.source import ParquetSource
from support.splicing import open_flat
from support.tables import CALENDAR, Bucket, nesting, open_source


def enriched(content: bytes, feed: Feed, strategy: str) -> tuple[Validation, list[Any], pa.Table | None]:
    """A file's verdict, the rows that are loaded of it, and those in quarantine."""
    bucket = Bucket()
    source: FlatFile | ParquetSource = open_flat(content) if strategy == "splice" else open_source(content)
    found = validate(source, feed, CALENDAR)
    if found.failure is not None:
        return found, [], None
    how = nesting(source.schema, feed)
    if isinstance(source, FlatFile):
        plan = plan_splice(source, how, found.date_intervals, found.dates, found.quarantine)
        for part in plan.parts:
            sink = bucket.open_sink(part.name)
            sink.write(content + b"".join(make_delta(plan, part)))
            sink.commit()
        names = [part.name for part in plan.parts]
        if plan.quarantine is not None:
            write_quarantine(plan.rows_left_out(), bucket.open_sink)
    else:
        written = rewrite(source, how, found.date_intervals, found.quarantine, bucket.open_sink)
        names = [part.name for part in written.parts]
    return found, bucket.rows(names), bucket.read("skipped") if "skipped" in bucket else None
