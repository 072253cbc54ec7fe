"""A content is loaded once, under whatever names it is dropped."""

from datetime import date

from support.cloud import Cloud
from support.tables import to_parquet

from cbi.local.sample import sample_table

LAST = date(2026, 11, 20)


def test_the_same_bytes_under_another_name_are_skipped(cloud: Cloud, unique: str) -> None:
    table = sample_table(5, LAST, unique)
    first = cloud.ingest(table, f"staged/{unique}.parquet")
    again = cloud.ingest(table, f"staged/{unique} (copy).parquet")
    assert (again["status"], again["reason"]) == ("skipped", "duplicate_content")
    assert first["run_id"] in again["message"]
    assert again["rows_loaded"] == 0
    assert cloud.query("SELECT count(*) AS n FROM TABLE WHERE symbol = @s", s=unique) == [{"n": 5}]


def test_the_same_bytes_over_the_same_name_are_skipped(cloud: Cloud, unique: str) -> None:
    table = sample_table(5, LAST, unique)
    cloud.ingest(table, f"staged/{unique}.parquet")
    assert cloud.ingest(table, f"staged/{unique}.parquet")["status"] == "skipped"


def test_a_content_whose_run_failed_may_be_tried_again(cloud: Cloud, unique: str) -> None:
    table = sample_table(5, date(2019, 1, 20), unique)
    assert cloud.ingest(table, f"staged/{unique}.parquet")["reason"] == "no_regime_coverage"
    assert cloud.ingest(table, f"staged/{unique}.parquet")["reason"] == "no_regime_coverage"


def test_other_bytes_of_the_same_rows_are_loaded_with_a_warning(cloud: Cloud, unique: str) -> None:
    table = sample_table(5, LAST, unique)
    cloud.ingest(table, f"staged/{unique}.parquet")
    again = cloud.ingest(to_parquet(table, compression="gzip"), f"staged/{unique}.parquet")
    assert (again["status"], again["rows_loaded"]) == ("success", 5)
    assert again["existing_keys"]["count"] == 5
    assert again["existing_keys"]["keys"][0] == {"symbol": unique, "data_date": "2026-11-16"}
    assert any(
        "5 keys of the file are in features.daily_ml_matrix already" in each for each in again["warnings"]
    )
