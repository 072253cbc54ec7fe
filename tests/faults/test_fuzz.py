"""Damaged files end in a report, within time and memory, and the process that has them read lives on.

CBI_FUZZ_FILES says how many are tried.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.cloud import Cloud
from support.examples import examples
from support.fuzzing import SETTINGS
from support.mutations import mutated
from support.tally import LONG, Tally

ROOT = Path(__file__).parents[2]
FILES = int(os.environ.get("CBI_FUZZ_FILES") or examples(300))

MOST_OF_PARENT = 256 << 20
"""Bytes that the process may take beside what it starts with: it makes the files, too."""

MOST_SECONDS = 3 * SETTINGS.worker_seconds
"""A worker's time, while others may use the processors too."""

FATES = {"success", "unreadable_file", "validation_failed", "no_regime_coverage", "empty_file", "too_large"}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
def test_damaged_files_are_reported_whatever_the_damage(tally: Tally) -> None:
    with tally.entry("damaged files", "rewritten, spliced") as entry:
        entry.schedules = FILES
        output = _run("0", str(FILES))
        fates = Counter[str]()
        for number, *ends, seconds in re.findall(r"^(\d+) (\w+) (\w+) ([\d.]+)$", output, re.MULTILINE):
            fates.update(ends[:1])
            if not FATES.issuperset(ends) or float(seconds) > MOST_SECONDS:
                entry.violations.append(f"file {number}: {ends} after {seconds} s")
        (figures,) = re.findall(r"^peak (\d+) (\d+) (\d+)$", output, re.MULTILINE)
        begin, own, of_workers = map(int, figures)
        if of_workers > begin + SETTINGS.worker_memory_bytes:
            entry.violations.append(f"a worker took {of_workers:,} bytes, of which {begin:,} from the start")
        if own > begin + MOST_OF_PARENT:
            entry.violations.append(f"the process took {own:,} bytes, {begin:,} at the start")
    assert sum(fates.values()) == FILES
    assert fates["success"] > FILES / 50, "most of the damage is done where it cannot be seen"
    assert fates["unreadable_file"] > FILES / 4
    assert fates["too_large"] or FILES < 300, "the heavy files come later"


def _run(first: str, last: str) -> str:
    """What a process prints that has these files read; it must live to the end."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-m", "support.fuzzing", first, last]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=7200 if LONG else 600
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-2000:]
    return done.stdout


def test_damaged_files_in_the_bucket_all_get_their_report(cloud: Cloud) -> None:
    files = [cloud.drop(mutated(number), f"staged/damaged {number}.parquet") for number in range(1, 30)]
    reports = [cloud.report(file) for file in files]
    assert {report["status"] for report in reports} <= {"success", "failed", "skipped"}
    for file, report in zip(files, reports, strict=True):
        assert cloud.count(file.run_id) == report["rows_loaded"]
