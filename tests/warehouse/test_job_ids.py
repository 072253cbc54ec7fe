"""The ids that keep a part from loading twice."""

import re

from hypothesis import given
from hypothesis import strategies as st

from cbi.warehouse.job_ids import delete_job_id, load_job_id, merge_job_id, staging_table

RUN_ID = "0123456789abcdef01234567"


def ids(part: int, attempt: int) -> list[str]:
    """Those of an attempt in some epochs."""
    feed = "daily_ml_matrix"
    in_epochs = [
        job_id(feed, RUN_ID, part, epoch, attempt)
        for job_id in (load_job_id, merge_job_id)
        for epoch in (0, 1, 11)
    ]
    return [*in_epochs, delete_job_id(feed, RUN_ID, part, attempt)]


@given(st.integers(0, 9_999), st.integers(0, 9))
def test_an_id_holds_only_what_bigquery_takes(part: int, attempt: int) -> None:
    for job_id in ids(part, attempt):
        assert re.fullmatch("[A-Za-z0-9_-]{1,1024}", job_id)


def test_every_part_and_attempt_has_a_job_of_its_own() -> None:
    made = [job_id for part in range(12) for attempt in range(12) for job_id in ids(part, attempt)]
    assert len(set(made)) == len(made)


def test_the_ids_are_those_that_runs_have_begun_with() -> None:
    assert load_job_id("feed", RUN_ID, 2, 0, 1) == f"cbi_feed_{RUN_ID}_2_1"
    assert merge_job_id("feed", RUN_ID, 2, 0, 1) == f"cbi_feed_{RUN_ID}_2_merge_1"
    assert delete_job_id("feed", RUN_ID, 2, 1) == f"cbi_feed_{RUN_ID}_2_undo_1"
    assert staging_table("features.matrix", RUN_ID, 2, 0) == f"features.cbi_staging_{RUN_ID}_2"
