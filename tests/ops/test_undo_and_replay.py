"""Taking a run back, and putting through again what one left behind."""

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest
from support.cloud import Cloud
from support.command_line import cbi_on

from cbi.local.sample import sample_table
from cbi.local.stack import Stack

LAST = date(2026, 11, 20)
SHORT = "- {regime: only, from: 2024-01-01, to: 2029-01-20, weight: 500}\n"
LONGER = "- {regime: only, from: 2023-12-15, to: 2029-01-20, weight: 500}\n"
LONGEST = "- {regime: only, from: 2023-01-01, to: 2029-01-20, weight: 500}\n"


def rows(cloud: Cloud, symbol: str) -> int:
    (row,) = cloud.query("SELECT count(*) AS n FROM TABLE WHERE symbol = @symbol", symbol=symbol)
    return int(row["n"])


class TestUndo:
    def test_it_removes_exactly_the_rows_of_the_run(self, cloud: Cloud, unique: str) -> None:
        kept = cloud.ingest(sample_table(5, LAST, unique), f"staged/{unique} kept.parquet")
        undone = cloud.ingest(sample_table(8, LAST, unique), f"staged/{unique} undone.parquet")
        report = json.loads(cbi_on(cloud, "undo", undone["run_id"]))
        assert (report["rows_loaded"], report["rows_deleted"]) == (8, 8)
        assert (cloud.count(undone["run_id"]), cloud.count(kept["run_id"])) == (0, 5)

    def test_a_repeat_gives_the_first_report(self, cloud: Cloud, unique: str) -> None:
        run = cloud.ingest(sample_table(5, LAST, unique), f"staged/{unique}.parquet")["run_id"]
        assert cbi_on(cloud, "undo", run) == cbi_on(cloud, "undo", run)

    def test_the_same_bytes_load_again_afterwards(self, cloud: Cloud, unique: str) -> None:
        table = sample_table(5, LAST, unique)
        cbi_on(cloud, "undo", cloud.ingest(table, f"staged/{unique}.parquet")["run_id"])
        assert cloud.ingest(table, f"staged/{unique}.parquet")["status"] == "success"
        assert rows(cloud, unique) == 5

    def test_a_run_that_does_not_exist_is_an_error(self, cloud: Cloud) -> None:
        assert "there is no run 123; `python -m cbi runs`" in cbi_on(cloud, "undo", "123", code=1)


class TestReplay:
    @pytest.fixture(scope="class")
    @classmethod
    def cloud(cls, recalendared: Stack) -> Cloud:
        return Cloud.of_stack(recalendared)

    @staticmethod
    def apply(cloud: Cloud, folder: Path, regimes: str) -> None:
        path = folder / "regimes.yaml"
        path.write_text(regimes)
        cbi_on(cloud, "regimes", "--file", path, "--apply")

    def test_rows_load_once_as_the_calendar_reaches_further(self, cloud: Cloud, tmp_path: Path) -> None:
        self.apply(cloud, tmp_path, SHORT)
        first = cloud.ingest(sample_table(60, date(2024, 1, 10), "REPLAY"), "staged/replay.parquet")
        assert (first["rows_loaded"], first["rows_skipped"]) == (10, 50)

        self.apply(cloud, tmp_path, LONGER)
        second = json.loads(cbi_on(cloud, "replay", first["run_id"]))
        assert (second["status"], second["rows_loaded"], second["rows_skipped"]) == ("success", 17, 33)
        assert rows(cloud, "REPLAY") == 27

        self.apply(cloud, tmp_path, LONGEST)
        third = json.loads(cbi_on(cloud, "replay", first["quarantine_uri"]))
        assert (third["rows_loaded"], third["rows_skipped"]) == (33, 0)
        again = json.loads(cbi_on(cloud, "replay", first["run_id"]))
        assert again["run_id"] == third["run_id"]
        assert rows(cloud, "REPLAY") == 60

    def test_a_replay_too_early_fails_and_may_be_repeated(self, cloud: Cloud, tmp_path: Path) -> None:
        self.apply(cloud, tmp_path, SHORT)
        first = cloud.ingest(sample_table(12, date(2024, 1, 2), "EARLY"), "staged/early.parquet")
        assert first["rows_skipped"] == 10
        for _ in range(2):
            cbi_on(cloud, "replay", first["run_id"], code=1)
        self.apply(cloud, tmp_path, LONGEST)
        cbi_on(cloud, "replay", first["run_id"])
        assert rows(cloud, "EARLY") == 12

    def test_what_an_earlier_version_has_replayed_is_not_loaded_again(
        self, cloud: Cloud, tmp_path: Path
    ) -> None:
        """It had copied the quarantine file to the staging bucket, where the copy is a run of its own."""
        self.apply(cloud, tmp_path, SHORT)
        first = cloud.ingest(sample_table(12, date(2024, 1, 2), "COPIED"), "staged/copied.parquet")
        self.apply(cloud, tmp_path, LONGEST)
        name = first["quarantine_uri"].removeprefix(f"gs://{cloud.output_bucket}/")
        content = cloud.storage.bucket(cloud.output_bucket).blob(name).download_as_bytes()
        digest = hashlib.sha256(name.encode()).hexdigest()[:24]
        copy = cloud.ingest(content, f"staged/replay-{digest}.parquet")
        assert copy["rows_loaded"] == 10
        assert json.loads(cbi_on(cloud, "replay", first["run_id"]))["run_id"] == copy["run_id"]
        assert rows(cloud, "COPIED") == 12

    def test_a_run_that_left_nothing_behind_is_an_error(self, cloud: Cloud) -> None:
        run = cloud.ingest(sample_table(3, LAST, "CLEAN"), "staged/clean.parquet")["run_id"]
        assert "left nothing behind" in cbi_on(cloud, "replay", run, code=1)

    def test_what_is_no_quarantine_file_is_an_error(self, cloud: Cloud) -> None:
        uri = f"gs://{cloud.staging_bucket}/staged/clean.parquet"
        assert "is not a quarantine file" in cbi_on(cloud, "replay", uri, code=1)
