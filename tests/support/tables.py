"""Makers of a small contract, its calendar, and parquet files that are read or written in memory."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cbi.checks.validation import validate
from cbi.contract.binding import bind
from cbi.contract.feed import Feed
from cbi.contract.parse import parse_feed
from cbi.contract.parts import Part
from cbi.contract.target import Target
from cbi.enrich.nest import Nesting
from cbi.enrichments.enrichment import RunFacts
from cbi.findings import Failure
from cbi.gcs.identity import StagedFile
from cbi.lookups.regime_calendar import Regime, RegimeCalendar, RegimeRange
from cbi.parquet.source import ParquetSource
from cbi.runs.plan import Found, LoadPlan
from cbi.runs.protocol.log import Failed, Log, Planned, Run, fold
from cbi.runs.report import CalendarSummary, Source

SMALL_CONTRACT: dict[str, Any] = {
    "table": "features.small",
    "key": ["symbol", "day"],
    "partition_by": "day",
    "cluster_by": ["symbol"],
    "enrich": {
        "regime.name": "regime",
        "regime.weight": "weight",
        "loaded_at": "finalized_at",
        "run_id": "run_id",
    },
    "checks": {"date_range": {"column": "day", "min": date(2000, 1, 1), "max": date(2049, 12, 31)}},
    "schema": [
        {"name": "symbol", "type": "STRING", "mode": "REQUIRED"},
        {"name": "day", "type": "DATE", "mode": "REQUIRED"},
        {
            "name": "market",
            "type": "STRUCT",
            "fields": [
                {"name": "price", "type": "FLOAT64"},
                {
                    "name": "depth",
                    "type": "STRUCT",
                    "fields": [
                        {"name": "bids", "type": "INT64", "source": "bid_count"},
                        {"name": "stale", "type": "BOOL"},
                    ],
                },
            ],
        },
        {"name": "seen_at", "type": "TIMESTAMP"},
        {
            "name": "regime",
            "type": "STRUCT",
            "fields": [
                {"name": "name", "type": "STRING"},
                {"name": "weight", "type": "INT64"},
                {"name": "volatility", "type": "FLOAT64"},
            ],
        },
        {"name": "loaded_at", "type": "TIMESTAMP"},
        {"name": "run_id", "type": "STRING"},
    ],
}

FIRST_DAY = date(2024, 1, 1)
CALM, STORM = Regime("calm", 400), Regime("storm", 600)

# January is calm, February a storm, and nothing is known of the days after.
CALENDAR = RegimeCalendar(
    (
        RegimeRange(CALM, FIRST_DAY, date(2024, 1, 31)),
        RegimeRange(STORM, date(2024, 2, 1), date(2024, 2, 29)),
    )
)

FINALIZED_AT = datetime(2024, 3, 1, 12, tzinfo=UTC)
RUN_ID = "0123456789abcdef01234567"


def small_feed(**changes: Any) -> Feed:
    """The small contract, with other values for some of its keys, or without those that are None."""
    contract = {**SMALL_CONTRACT, **changes}
    return parse_feed("small", {key: value for key, value in contract.items() if value is not None})


def days(count: int, first: date = FIRST_DAY) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


def small_table(rows: int = 3, first: date = FIRST_DAY, **columns: Any) -> pa.Table:
    """One symbol's rows, a day each, with further columns or others in place of these."""
    return pa.table({"symbol": ["ZL"] * rows, "day": days(rows, first), "price": [1.5] * rows, **columns})


def to_parquet(table: pa.Table, path: Path | None = None, **options: Any) -> bytes:
    """A table as the bytes of a parquet file, which is also written to `path`."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    if path is not None:
        path.write_bytes(buffer.getvalue())
    return buffer.getvalue()


def open_source(content: pa.Table | bytes, **options: Any) -> ParquetSource:
    """A file's bytes, or a table written with the options of `write_table`, as it is read when staged."""
    data = content if isinstance(content, bytes) else to_parquet(content, **options)
    return ParquetSource(pa.BufferReader(data))


def broken_parquet(table: pa.Table, **options: Any) -> bytes:
    """A parquet file whose last page of the first column's last row group is not what its checksum says."""
    plain: dict[str, Any] = {"write_page_checksum": True, "compression": "none", "use_dictionary": False}
    content = bytearray(to_parquet(table, **plain, **options))
    metadata = pq.read_metadata(io.BytesIO(content))
    chunk = metadata.row_group(metadata.num_row_groups - 1).column(0)
    content[chunk.data_page_offset + chunk.total_compressed_size - 1] ^= 1
    return bytes(content)


def nesting(schema: pa.Schema, feed: Feed, calendar: RegimeCalendar = CALENDAR) -> Nesting:
    binding = bind(feed, schema)
    return Nesting(feed, binding.casts, RunFacts(calendar, FINALIZED_AT, RUN_ID), binding.rescued)


class MemorySink(io.BytesIO):
    """An object being written, in memory."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.committed: bytes | None = None

    def __exit__(self, *_: object) -> None:
        self.close()

    def commit(self) -> None:
        self.committed = self.getvalue()


class Bucket(dict[str, MemorySink]):
    """The sinks opened so far, by name."""

    def open_sink(self, name: str) -> MemorySink:
        self[name] = MemorySink(name)
        return self[name]

    def read(self, name: str) -> pa.Table:
        """An object as a table; only what was committed is there."""
        committed = self[name].committed
        assert committed is not None, f"{name} was never committed"
        return pq.read_table(io.BytesIO(committed))

    def rows(self, names: Sequence[str]) -> list[dict[str, Any]]:
        return [row for name in names for row in self.read(name).to_pylist()]


def small_run(**found: Any) -> Run:
    """A decided run of the small contract: 18 rows, 15 of them to be loaded in two parts.

    Some of what was found may have other values.
    """
    feed = small_feed()
    january = small_table(15, date(2024, 1, 1))
    march = small_table(3, date(2024, 3, 1))
    validation = validate(open_source(pa.concat_tables([january, march])), feed, CALENDAR)
    seen = Found(
        source=Source("gs://in/staged/small/x.parquet", 7, 1234, 18, "parquet-cpp-arrow"),
        feed=feed.name,
        table=feed.table,
        calendar=CalendarSummary(CALENDAR.rows, CALENDAR.min_date, CALENDAR.max_date, CALENDAR.digest),
        validation=validation.report,
        warnings=validation.warnings,
        timings={"validate": 0.25},
    )
    plan = LoadPlan(
        target=Target.of(feed),
        parts=(
            Part("enriched/0", 10, 10, date(2024, 1, 1), date(2024, 1, 10)),
            Part("enriched/1", 5, 5, date(2024, 1, 11), date(2024, 1, 15)),
        ),
        inputs_digest="0a1b2c3d",
        claim="content/small/1234-0.json",
        quarantine_object="enriched/skipped",
    )
    file = StagedFile("in", "staged/small/x.parquet", 7)
    return fold(Log(file, (Planned(replace(seen, **found), plan),)))


def failed_run(failure: Failure, **found: Any) -> Run:
    """A file of the small contract that is not loaded, with other values for some of what was found."""
    run = small_run(**found)
    assert run.found is not None
    return fold(Log(run.file, (Failed(run.found, failure),)))
