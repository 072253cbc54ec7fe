"""Damaged files end in a report, never in a crash or a hang. CBI_FUZZ_FILES says how many are tried."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from support.cloud import Cloud
from support.examples import examples
from support.mutations import mutated
from support.tally import Entry, Tally

ROOT = Path(__file__).parents[2]
FILES = int(os.environ.get("CBI_FUZZ_FILES") or examples(600))
MOST_MEMORY = 512 << 20
"""Bytes a process may take that reads them all, one after the other."""

FATES = {"success", "unreadable_file", "validation_failed", "no_regime_coverage", "empty_file", "too_large"}


def test_damaged_files_are_reported_whatever_the_damage(tally: Tally) -> None:
    with tally.entry("damaged files", "rewritten, spliced") as entry:
        entry.schedules = FILES
        fates, peak = _fates(entry)
    assert sum(fates.values()) == FILES
    assert set(fates) <= FATES
    assert fates["success"] > FILES / 50, "most of the damage is done where it cannot be seen"
    assert fates["unreadable_file"] > FILES / 4
    assert peak < MOST_MEMORY


def _fates(entry: Entry) -> tuple[Counter[str], int]:
    """How often a file that was rewritten came to which end, and the most memory that took."""
    fates, peaks, first = Counter[str](), [0], 0
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    while first < FILES:
        command = [sys.executable, "-m", "support.fuzzing", str(first), str(FILES)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3000)
        both = re.findall(r"^\d+ (\w+) (\w+)$", done.stdout, re.MULTILINE)
        fates.update(rewritten for rewritten, _ in both)
        assert {spliced for _, spliced in both} <= FATES
        *_, last = re.findall(r"^\d+", done.stdout, re.MULTILINE)
        peaks += map(int, re.findall(r"^peak (\d+)$", done.stdout, re.MULTILINE))
        if done.returncode != 0:
            entry.violations.append(f"file {last}: exit code {done.returncode}, {done.stderr[-300:]}")
        first = int(last) + 1
    return fates, max(peaks)


def test_damaged_files_in_the_bucket_all_get_their_report(cloud: Cloud) -> None:
    files = [cloud.drop(mutated(number), f"staged/damaged {number}.parquet") for number in range(30)]
    reports = [cloud.report(file) for file in files]
    assert {report["status"] for report in reports} <= {"success", "failed", "skipped"}
    for file, report in zip(files, reports, strict=True):
        assert cloud.count(file.run_id) == report["rows_loaded"]
