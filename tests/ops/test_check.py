"""A local file is checked without any cloud, with the verdict its report would have."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from support.tables import to_parquet

from cbi.errors import InvalidInput
from cbi.local.sample import sample_table
from cbi.ops.check import check_file, check_table, find_files
from cbi.runs.report import SCHEMA_FILE

LAST = date(2025, 6, 30)
REPORT_SCHEMA = json.loads(SCHEMA_FILE.read_text())


@pytest.fixture
def check(tmp_path: Path) -> Any:
    def check(content: pa.Table | bytes, feed: str = "daily_ml_matrix") -> dict[str, Any]:
        path = tmp_path / "file.parquet"
        path.write_bytes(content if isinstance(content, bytes) else to_parquet(content))
        verdict = check_file(path, feed).as_written()
        for key, found in verdict.items():
            jsonschema.validate(found, {**REPORT_SCHEMA["properties"][key], "$defs": REPORT_SCHEMA["$defs"]})
        json.dumps(verdict)
        return verdict

    return check


def test_the_sample_can_be_loaded(check: Any) -> None:
    verdict = check(sample_table(100, LAST))
    assert (verdict["status"], verdict["reason"], verdict["warnings"]) == ("success", None, [])
    assert verdict["validation_report"]["regime_coverage"]["coverage_pct"] == 100
    assert verdict["validation_report"]["date_range"]["max_date"] == "2025-06-30"


def test_a_bad_file_gets_its_reason_and_a_whole_report(check: Any) -> None:
    verdict = check(pa.concat_tables([sample_table(3, LAST)] * 2))
    assert (verdict["status"], verdict["reason"]) == ("failed", "validation_failed")
    assert verdict["validation_report"]["duplicates"]["duplicate_count"] == 6
    assert verdict["validation_report"]["duplicates"]["keys"][0] == {
        "symbol": "ZL_TEST",
        "data_date": "2025-06-28",
    }


def test_dates_outside_the_packaged_calendar_are_told(check: Any) -> None:
    verdict = check(sample_table(10, date(2020, 1, 31)))
    assert verdict["reason"] == "no_regime_coverage"
    assert "2023-11-01 to 2029-01-20" in verdict["message"]


def test_long_lists_are_cut_with_their_length_beside(check: Any) -> None:
    unknown = pa.table({f"extra_{number}": [0] * 3 for number in range(400)})
    table = sample_table(3, LAST)
    verdict = check(
        pa.table([*table.columns, *unknown.columns], names=table.column_names + unknown.column_names)
    )
    types = verdict["validation_report"]["column_types"]
    assert verdict["status"] == "success"
    assert (len(types["unknown_columns"]), types["unknown_columns_total"]) == (100, 400)


@pytest.mark.parametrize("content", [b"", b"not parquet at all"])
def test_what_is_not_parquet_is_unreadable(check: Any, content: bytes) -> None:
    verdict = check(content)
    assert verdict["reason"] == "unreadable_file"
    assert "drop it again" in verdict["message"]
    report = verdict["validation_report"]
    assert not report["required_fields"]["is_valid"]
    assert (report["regime_coverage"]["total_dates"], report["regime_coverage"]["coverage_pct"]) == (0, 0)


def test_an_unknown_feed_is_told_with_those_there_are(check: Any) -> None:
    verdict = check(sample_table(1, LAST), "dayly")
    assert verdict["reason"] == "unknown_feed"
    assert "'dayly'" in verdict["message"]
    assert "daily_ml_matrix" in verdict["message"]


def test_a_table_is_held_against_its_contract_too() -> None:
    frame = sample_table(20, LAST).to_pandas()
    assert check_table(frame).message == "the file can be loaded"
    with pytest.raises(TypeError, match="of type int cannot be ingested"):
        check_table(5)


def test_rows_that_would_be_quarantined_are_told_with_their_reasons(check: Any) -> None:
    verdict = check(sample_table(40, date(2023, 12, 9)))
    assert (verdict["status"], verdict["warnings"]) == ("success", [])
    assert verdict["message"] == (
        "39 of 40 rows would be loaded; 1 row would be quarantined (no regime for this date: 1)"
    )


def test_rows_that_are_only_warned_of_would_be_loaded(check: Any) -> None:
    table = sample_table(20, LAST)
    high = [0.5, *table["high"].to_pylist()[1:]]
    verdict = check(table.set_column(table.column_names.index("high"), "high", [high]))
    assert verdict["status"] == "success"
    assert [warning.partition(",")[0] for warning in verdict["warnings"]] == ["high is below low in 1 row"]


def test_more_than_a_twentieth_in_quarantine_is_warned_of(check: Any) -> None:
    verdict = check(sample_table(40, date(2023, 11, 30)))
    assert verdict["message"].startswith("30 of 40 rows would be loaded; 10 rows would be quarantined (no re")
    assert verdict["warnings"] == ["25% of the rows would be in quarantine: is that meant?"]


def test_files_are_found_in_folders_and_by_patterns(tmp_path: Path) -> None:
    for name in ("b.parquet", "a.PARQUET", "deep/er/c.parquet", "deep/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    def found(source: str) -> list[str]:
        return [path.relative_to(tmp_path).as_posix() for path in find_files(str(tmp_path / source))]

    assert found("") == ["a.PARQUET", "b.parquet", "deep/er/c.parquet"]
    assert found("*.parquet") == ["b.parquet"]
    assert found("**/*.parquet") == ["b.parquet", "deep/er/c.parquet"]
    assert found("b.parquet") == ["b.parquet"]
    for nothing, what in (("x.parquet", "does not exist"), ("deep/er/*.txt", "names no parquet file")):
        with pytest.raises(InvalidInput, match=what):
            found(nothing)
