"""Threads that decode the same types for the first time at the same time do not end the process."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# An instance's first events: the switch interval makes the threads meet within a type.
PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from cbi.contract.catalog import load_feed
from cbi.gcs.outputs import Outputs
from cbi.runs.stored import StoredRuns

class Store:
    def read(self, bucket, name):
        path = Path('tests/runs/golden/success/record.json')
        return (path.read_bytes(), 1) if name.startswith('runs/') and '-' not in name else None

def first_event(_):
    together.wait()
    {event}

together = Barrier(24)
sys.setswitchinterval(1e-6)
with ThreadPoolExecutor(24) as pool:
    list(pool.map(first_event, range(24)))
"""

EVENTS = {
    "a log": "StoredRuns(Outputs(Store(), '')).log_of('0')",
    "a contract": "load_feed('daily_ml_matrix')",
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_first_events_at_the_same_time(event: str) -> None:
    program = PROGRAM.format(event=event)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_decoding_gets_its_type_ready() -> None:
    decoding = re.compile(r"msgspec\.(?:convert|(?:json|msgpack)\.decode)\(.*")
    found = [
        call
        for path in (ROOT / "cbi").rglob("*.py")
        for call in decoding.findall(path.read_text(encoding="utf-8"))
    ]
    assert found
    assert [call for call in found if "ready(" not in call] == []
