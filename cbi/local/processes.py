"""Child processes that never outlive their parent, whatever kills it.

Each child leads a process group of its own, and before it becomes what it is to be it writes its group's
id into a pipe. A reaper process reads the other end. The parent holds the pipe open without ever closing
it; so when it dies, by SIGKILL too, the reaper reads end-of-file and kills every group that is left. This
needs nothing but POSIX, where a parent-death signal would be Linux only and would miss grandchildren.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_TIMEOUT_SECONDS = 5

_ROOT = Path(__file__).parents[2]
_LOG_TAIL_LINES = 20
# The pipe is the shell's standard input, and closed with it: the child must not keep the pipe open.
_ANNOUNCE_AND_BECOME = 'echo "+$$" >&0; exec "$@" </dev/null'


class ProcessFailed(Exception):
    """A server ended, or was not ready in time; the message ends with its log's last lines."""


@dataclass(frozen=True)
class Process:
    """A running child, leader of the process group `pid`."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Process id, and id of its group."""
        return self.popen.pid

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> None:
        """Wait until `ready()` is true.

        Raises ProcessFailed when the process ends, or after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            if self.popen.poll() is not None:
                raise self.failure()
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name} was not ready after {timeout:g} s\n{self._log_tail()}")
            time.sleep(0.05)

    def failure(self) -> ProcessFailed:
        """What to raise when the process has ended and should not have."""
        return ProcessFailed(f"{self.name} ended with {self.popen.returncode}\n{self._log_tail()}")

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return "\n".join([f"{self.log} ends with:", *lines])


class Processes:
    """Starts and stops children; leaving the context stops all of them."""

    def __init__(self, logs: Path, *, disposable: bool = False) -> None:
        """`logs` is the folder each child's output goes to, as `<name>.log`.

        Disposable children have nothing to put in order: in the end they are killed, and nobody waits for
        what they have started themselves.
        """
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._disposable = disposable
        self._running: list[Process] = []
        self._reaper = subprocess.Popen(
            [sys.executable, "-m", "cbi.local.processes"],
            stdin=subprocess.PIPE,
            cwd=_ROOT,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running:
            _signal_group(process, signal.SIGKILL if self._disposable else signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        for process in self._running[:]:
            if self._disposable:
                process.popen.wait()
            else:
                self.stop(process, timeout=max(0, deadline - time.monotonic()))
        assert self._reaper.stdin is not None, "it was opened as a pipe"
        self._reaper.stdin.close()
        self._reaper.wait()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Process:
        """Start `command` in the repository's root, with `environment` on top of this process's own."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                ["/bin/sh", "-c", _ANNOUNCE_AND_BECOME, name, *command],
                stdin=self._reaper.stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                cwd=_ROOT,
                start_new_session=True,
            )
        process = Process(name, popen, log)
        self._running.append(process)
        return process

    def stop(self, process: Process, *, timeout: float = STOP_TIMEOUT_SECONDS) -> None:
        """End the process and all its descendants: SIGTERM, and after `timeout` seconds SIGKILL."""
        _signal_group(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.popen.wait(timeout)
        self.kill(process)

    def kill(self, process: Process) -> None:
        """End the process and all its descendants at once, as a crash would."""
        _signal_group(process, signal.SIGKILL)
        process.popen.wait()
        # its descendants are not ours to wait for, but until they are gone they hold on to its port
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        while _signal_group(process, 0) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._running.remove(process)
        assert self._reaper.stdin is not None, "it was opened as a pipe"
        self._reaper.stdin.write(f"-{process.pid}\n".encode())
        self._reaper.stdin.flush()


def _signal_group(process: Process, number: int) -> bool:
    """Send a signal (0 only asks) to the process and its descendants; False when none is left."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # the latter for zombies on macOS
        return False
    return True


def reap() -> None:
    """Read `+group` and `-group` lines until the parent is gone, then kill the groups that are left."""
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line.startswith("+") else groups.discard
        change(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    reap()
