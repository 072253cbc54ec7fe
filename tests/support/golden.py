"""What version 0.1 stored.

`tests/runs/golden/` was written by that version on the local stack: a folder for each run with the objects it
left, and in `expected.json` where they were, what that version would have loaded next, and by which jobs.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from cbi.runs.record import RunRecord
from cbi.runs.upgrade import upgrade_record

GOLDEN = Path(__file__).parents[1] / "runs/golden"
EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())


def stored(run: str, kind: str) -> Any:
    """An object that a run left: its record, report, marker and so on."""
    return json.loads((GOLDEN / run / f"{kind}.json").read_text())


def read_record(run: str) -> RunRecord:
    """What a run is to load by now."""
    kind = "rewritten" if "rewritten" in EXPECTED[run]["stored_as"] else "record"
    return msgspec.convert(upgrade_record(stored(run, kind)), RunRecord)
