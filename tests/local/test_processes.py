"""Children never outlive their parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cbi.local.processes import Processes, ProcessFailed

pytestmark = pytest.mark.servers

_STUBBORN = "trap '' TERM; sh -c 'trap \"\" TERM; sleep 600' & wait; sleep 600"
_PARENT = """
import sys, time
from pathlib import Path
from cbi.local.processes import Processes
with Processes(Path(sys.argv[1])) as processes:
    for name in ("first", "second"):
        print(processes.start(name, ["sh", "-c", sys.argv[2]], {}).pid, flush=True)
    time.sleep(600)
"""


def is_running(group: int) -> bool:
    """Whether a process group has a member left that is not a zombie."""
    listing = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listing.stdout.splitlines()]
    return any(int(row[0]) == group and not row[1].startswith("Z") for row in rows)


def gone(group: int, seconds: float = 10) -> bool:
    """Whether a process group ends in time."""
    deadline = time.monotonic() + seconds
    while is_running(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_running(group)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whatever_kills_the_parent_no_child_or_grandchild_is_left(
    tmp_path: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path), _STUBBORN], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        groups = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(is_running(group) for group in groups)
        parent.send_signal(number)
    assert all(gone(group, seconds=20) for group in groups)


def test_leaving_the_context_ends_the_children(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        sleeper = processes.start("sleeper", ["sleep", "600"], {})
        assert is_running(sleeper.pid)
    assert not is_running(sleeper.pid)


def test_stopping_a_process_ends_its_children_too(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        stubborn = processes.start("stubborn", ["sh", "-c", _STUBBORN], {})
        processes.stop(stubborn, timeout=0.2)
        assert gone(stubborn.pid)


def test_a_server_that_ends_is_reported_with_its_log(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        broken = processes.start("broken", ["sh", "-c", "echo no such port; exit 3"], {})
        with pytest.raises(ProcessFailed, match=r"broken ended with 3[\s\S]*no such port"):
            broken.wait_until(lambda: False, timeout=10)


def test_a_server_that_does_not_come_up_is_reported_with_its_log(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        slow = processes.start("slow", ["sh", "-c", "echo still thinking; sleep 600"], {})
        slow.wait_until(lambda: "thinking" in slow.log.read_text(), timeout=10)
        with pytest.raises(ProcessFailed, match=r"slow was not ready after 0.1 s[\s\S]*still thinking"):
            slow.wait_until(lambda: False, timeout=0.1)


def test_the_environment_is_passed_on(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        printer = processes.start("printer", ["sh", "-c", "echo $COLOUR $PATH"], {"COLOUR": "blue"})
        printer.popen.wait(10)
    assert (tmp_path / "printer.log").read_text() == f"blue {os.environ['PATH']}\n"
