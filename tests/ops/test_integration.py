"""The checklist of the first version: what holds is told, what does not fails the command, all of it goes."""

from datetime import date

import pyarrow as pa
import pytest
from support.cloud import Cloud
from support.command_line import cbi

from cbi import IngestionPipeline
from cbi.local.sample import sample_table
from cbi.ops.integration import integration

LAST = date(2026, 11, 20)
CHECKLIST = [
    "ingested",
    "row count",
    "regime populated",
    "weights in [400, 600]",
    "close above 0",
    "pivots",
    "policy",
    "deleted",
    "deletion verified",
]


def test_a_sound_sample_passes_all_of_it_and_leaves_nothing(
    cloud: Cloud, pipeline: IngestionPipeline, unique: str
) -> None:
    sample = sample_table(100, LAST, unique)
    for _ in range(2):  # the same rows a second time are a test of their own
        lines = list(integration(pipeline, sample))
        assert [line.what for line in lines] == CHECKLIST
        assert all(line.passed for line in lines), lines
    assert cloud.query("SELECT count(*) AS n FROM TABLE WHERE symbol = @s", s=unique) == [{"n": 0}]
    assert not list(cloud.storage.list_blobs(cloud.staging_bucket, prefix="staged/integration-"))


@pytest.mark.parametrize(
    ("column", "values", "failing"),
    [
        ("close", [-1.0] * 5, "close above 0"),
        ("P", [None] * 5, "pivots"),
        ("trump_score", [0.5, None, 0.5, 0.5, 0.5], "policy"),
    ],
)
def test_what_does_not_hold_is_told_and_the_rows_are_deleted_all_the_same(
    cloud: Cloud, pipeline: IngestionPipeline, unique: str, column: str, values: list[float], failing: str
) -> None:
    sample = sample_table(5, LAST, unique)
    place = sample.column_names.index(column)
    lines = list(integration(pipeline, sample.set_column(place, column, pa.array(values, pa.float64()))))
    assert [line.what for line in lines if not line.passed] == [failing]
    assert cloud.query("SELECT count(*) AS n FROM TABLE WHERE symbol = @s", s=unique) == [{"n": 0}]


def test_a_sample_that_is_not_loaded_ends_the_list(pipeline: IngestionPipeline) -> None:
    (line,) = integration(pipeline, sample_table(5, LAST).drop_columns("symbol"))
    assert (line.what, line.passed) == ("ingested", False)
    assert "symbol is missing" in line.found


def test_the_command_prints_the_list_line_by_line(cloud: Cloud) -> None:
    done = cbi("integration", environment=cloud.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, verdict = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"✔ {what}" for what in CHECKLIST]
    assert verdict == "all of it holds"
