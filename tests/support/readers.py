"""Readers and writers of parquet that take long to install or to start: asked only where READERS is `all`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

all_readers = pytest.mark.skipif(os.environ.get("READERS") != "all", reason="slow: run `make readers`")


@contextmanager
def spark() -> Iterator[Any]:
    """A Spark session of parquet-java, if there are pyspark and Java."""
    sql = pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    # Small splits, as Spark makes them of large files.
    builder = sql.SparkSession.builder.master("local[2]").config("spark.sql.files.maxPartitionBytes", "20000")
    session = builder.config("spark.ui.enabled", "false").getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def node() -> str:
    """The program of Node.js, if there is one."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("hyparquet needs Node.js")
    return found
