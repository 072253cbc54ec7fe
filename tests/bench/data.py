"""The file that is measured on: a panel of symbols and days in the flat columns that a desk stages.

python -m bench.data FILE ROWS [--row-groups N] [--extra-columns N] [--plain]
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from zlib import crc32

import click
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.task import wide_feed
from cbi.contract.feed import Feed

FIRST_DAY = date(2023, 11, 1)
DAYS = 1_908  # all that the default regime calendar knows

_ROWS_AT_ONCE = 1 << 20  # pyarrow's default row group
_DATE, _TIME = pa.date32(), pa.timestamp("us")
_DAY = 86_400_000_000  # µs
_CLOSE = 21 * 3_600_000_000  # µs


def flat_table(feed: Feed, begin: int, end: int, rows: int) -> pa.Table:
    """The rows from `begin` to before `end` of the panel that has `rows`; equal arguments, equal tables.

    All symbols of a day come after one another, the days in order. One in fifty floats is NULL.
    """
    symbols = -(-rows // DAYS)
    numbers = pa.array(range(begin, end), pa.int64())
    day = pc.divide(numbers, symbols)
    symbol = pc.subtract(numbers, pc.multiply(day, symbols))
    day = pc.add(day, (FIRST_DAY - date(1970, 1, 1)).days)
    names = pa.array([f"SYM{number:05d}" for number in range(symbols)])
    columns = {}
    for name, leaf in feed.sources.items():
        seed = crc32(f"{name} {begin}".encode())
        match leaf.field.type:
            case "STRING":
                columns[name] = names.take(symbol)
            case "DATE":
                columns[name] = day.cast(pa.int32()).cast(_DATE)
            case "TIMESTAMP":
                columns[name] = pc.add(pc.multiply(day, _DAY), _CLOSE).cast(_TIME)
            case "INT64":
                columns[name] = pc.floor(pc.multiply(pc.random(end - begin, initializer=seed), 200)).cast(
                    "int64"
                )
            case "BOOL":
                columns[name] = pc.less(pc.random(end - begin, initializer=seed), 0.1)
            case _:
                columns[name] = _feature(end - begin, seed, is_price=not leaf.path.startswith("policy."))
    return pa.table(columns)


def write_flat_file(
    path: Path, rows: int, *, row_groups: int | None = None, extra_columns: int = 0, plain: bool = False
) -> None:
    """Write such a panel with pyarrow's own settings, as pandas would, or `plain` without its metadata.

    There are as many row groups as pyarrow makes by itself, or `row_groups` of equal size.
    """
    feed = wide_feed(extra_columns)
    size = -(-rows // row_groups) if row_groups else _ROWS_AT_ONCE
    schema = flat_table(feed, 0, 1, rows).schema
    if not plain:
        schema = schema.with_metadata(_pandas_metadata(schema))
    with pq.ParquetWriter(path, schema) as writer:
        for table in _tables(feed, rows, size):
            writer.write_table(table.cast(schema), row_group_size=size)


def _tables(feed: Feed, rows: int, size: int) -> Iterator[pa.Table]:
    for begin in range(0, rows, size):
        yield flat_table(feed, begin, min(begin + size, rows), rows)


def _feature(rows: int, seed: int, *, is_price: bool) -> pa.Array:
    """A price has four decimals, a score as many as a double has."""
    values = pc.random(rows, initializer=seed)
    if is_price:
        values = pc.round(pc.add(pc.multiply(values, 20), 40), 4)
    known = pc.greater(pc.random(rows, initializer=seed + 1), 0.02)
    return pc.if_else(known, values, pa.scalar(None, pa.float64()))


def _pandas_metadata(schema: pa.Schema) -> dict[bytes, bytes]:
    frame: pd.DataFrame = schema.empty_table().to_pandas()
    metadata: dict[bytes, bytes] = pa.Schema.from_pandas(frame, preserve_index=False).metadata
    return metadata


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("rows", type=int)
@click.option("--row-groups", type=int)
@click.option("--extra-columns", type=int, default=0)
@click.option("--plain", is_flag=True)
def main(path: Path, rows: int, row_groups: int | None, extra_columns: int, plain: bool) -> None:
    """Write the file; a process of its own leaves no memory behind in the one that measures."""
    write_flat_file(path, rows, row_groups=row_groups, extra_columns=extra_columns, plain=plain)


if __name__ == "__main__":
    main()
