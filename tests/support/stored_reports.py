"""Reports of real runs, as they were stored."""

import json
from pathlib import Path

import msgspec

from cbi.runs.report import Report
from cbi.runs.upgrade import upgrade_report

GOLDEN = Path(__file__).parents[1] / "runs/golden"

RUNS = sorted(path.parent.name for path in GOLDEN.glob("*/report.json"))


def stored_report(run: str) -> Report:
    """A report of `tests/runs/golden`."""
    return msgspec.convert(upgrade_report(json.loads((GOLDEN / run / "report.json").read_text())), Report)
