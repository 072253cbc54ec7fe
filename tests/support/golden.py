"""What version 0.1 stored.

`tests/runs/golden/` was written by that version on the local stack: a folder for each run with the objects it
left, and in `expected.json` where they were, what that version would have loaded next, and by which jobs.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from cbi.runs.protocol.log import Log
from cbi.runs.stored import StoredLog
from cbi.runs.upgrade import Earlier, upgrade_log

GOLDEN = Path(__file__).parents[1] / "runs/golden"
EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())


def stored(run: str, kind: str) -> Any:
    """An object that a run left: its record, report, marker and so on."""
    return json.loads((GOLDEN / run / f"{kind}.json").read_text())


def read_log(run: str) -> Log:
    """A run as this version takes it."""
    kinds = ("rewritten", "report", "finished", "undone")
    left = {kind: stored(run, kind) if kind in EXPECTED[run]["stored_as"] else None for kind in kinds}
    log = msgspec.convert(upgrade_log(Earlier(record=stored(run, "record"), **left)), StoredLog)
    return Log(log.file, log.entries, 1, log.ignored_refusals)
