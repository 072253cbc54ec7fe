"""pandas and DuckDB on the local storage's gs://, by fsspec, each in a process of its own."""

import os
import subprocess
import sys
from datetime import date

import pytest
from support.cloud import Cloud
from support.tables import to_parquet

from cbi.local.sample import sample_table
from cbi.local.stack import Stack

PANDAS = """
import sys, pandas
folder, endpoint = sys.argv[1:]
options = {"endpoint_url": endpoint, "token": "anon"}
frame = pandas.read_parquet(f"{folder}/x.parquet", storage_options=options)
frame.to_parquet(f"{folder}/pandas.parquet", storage_options=options)
print(len(pandas.read_parquet(f"{folder}/pandas.parquet", storage_options=options)))
"""

DUCKDB = """
import sys, duckdb, gcsfs
folder, endpoint = sys.argv[1:]
duckdb.register_filesystem(gcsfs.GCSFileSystem(endpoint_url=endpoint, token="anon"))
print(duckdb.execute(f"SELECT count(*) FROM '{folder}/x*.parquet'").fetchone()[0])
"""


@pytest.mark.parametrize("program", [PANDAS, DUCKDB], ids=["pandas", "duckdb"])
def test_what_reads_gs_through_fsspec_reads_the_local_storage(untriggered: Stack, program: str) -> None:
    content = to_parquet(sample_table(5, date(2026, 11, 20)))
    Cloud.of_stack(untriggered).drop(content, "fsspec/x.parquet")
    folder = f"gs://{untriggered.staging_bucket}/fsspec"
    done = subprocess.run(
        [sys.executable, "-c", program, folder, untriggered.storage],
        # gcsfs asks by gRPC what kind a bucket is, which has no address of its own to be set
        env={**os.environ, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "5\n"
