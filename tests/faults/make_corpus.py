"""Writes the seed corpus of the fuzz test: `python make_corpus.py`, once, in this folder."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cbi.local.sample import sample_table

KINDS: dict[str, dict[str, Any]] = {
    "snappy": {},
    "zstd_v2_pages": {"compression": "zstd", "data_page_version": "2.0"},
    "gzip_row_groups": {"compression": "gzip", "row_group_size": 7},
    "plain": {"compression": "none", "use_dictionary": False},
    "split_floats": {
        "compression": "lz4",
        "use_dictionary": False,
        "column_encoding": {"close": "BYTE_STREAM_SPLIT", "volume": "DELTA_BINARY_PACKED"},
    },
    "indexes_and_checksums": {"write_page_index": True, "write_page_checksum": True},
}


def table() -> pa.Table:
    """Twenty rows, of which the first five have no regime, and NULLs and NaNs here and there."""
    rows = sample_table(20, date(2023, 11, 15), "ZL")
    close = [None, float("nan"), *rows["close"].to_pylist()[2:]]
    return rows.set_column(rows.schema.get_field_index("close"), "close", pa.array(close, pa.float64()))


if __name__ == "__main__":
    for name, options in KINDS.items():
        pq.write_table(table(), Path(__file__).parent / "corpus" / f"{name}.parquet", **options)
