"""Who a run is, and every name that follows from it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbi.gcs.identity import STAGED_PREFIX, StagedFile
from cbi.gcs.outputs import Outputs

FILE = StagedFile("in", "staged/2024/día 1.parquet", 1_712_345_678_901_234)

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=600).map(
    lambda text: f"{STAGED_PREFIX}{text}"[:1000].encode()[:1016].decode(errors="ignore") + ".parquet"
)
GENERATIONS = st.integers(1, 2**63 - 1)


def test_every_delivery_is_the_same_run() -> None:
    assert StagedFile(FILE.bucket, FILE.name, FILE.generation).run_id == FILE.run_id
    assert re.fullmatch("[0-9a-f]{24}", FILE.run_id)


@pytest.mark.parametrize(
    "other",
    [
        StagedFile("in", FILE.name, FILE.generation + 1),
        StagedFile("in", "staged/2024/día 2.parquet", FILE.generation),
        StagedFile("out", FILE.name, FILE.generation),
    ],
    ids=["overwritten", "another name", "another bucket"],
)
def test_another_object_or_generation_is_another_run(other: StagedFile) -> None:
    assert other.run_id != FILE.run_id


def test_outputs_are_found_by_the_staged_name_and_generation() -> None:
    assert FILE.uri == "gs://in/staged/2024/día 1.parquet"
    assert Outputs.report(FILE) == "reports/staged/2024/día 1.parquet/1712345678901234.json"
    assert Outputs.quarantine(FILE) == "quarantine/staged/2024/día 1.parquet/1712345678901234.parquet"


@given(NAMES, GENERATIONS)
def test_no_name_is_longer_than_the_bucket_takes(name: str, generation: int) -> None:
    file = StagedFile("in", name, generation)
    for output in (Outputs.report(file), Outputs.quarantine(file)):
        assert len(output.encode()) <= 1024
        assert f"/{generation}." in output


def test_long_names_that_begin_alike_have_reports_of_their_own() -> None:
    one, other = (StagedFile("in", f"staged/{'長' * 335}{end}.parquet", 7) for end in "ab")
    assert len(one.name.encode()) <= 1024
    assert Outputs.report(one) != Outputs.report(other)
    assert Outputs.report(one).startswith("reports/staged/長")


@given(NAMES, GENERATIONS, st.integers(0, 9_999))
def test_names_that_bigquery_reads_hold_only_what_it_takes(name: str, generation: int, part: int) -> None:
    run_id = StagedFile("in", name, generation).run_id
    name = Outputs.enriched(run_id, "0a1b2c3d", str(part))
    assert re.fullmatch(r"enriched/[\w.-]+\.parquet", name, re.ASCII)
