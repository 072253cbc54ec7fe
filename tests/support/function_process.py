"""The function in processes that can be killed at any moment and are back at once."""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Client, Connection
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory
from threading import RLock
from typing import Any

import requests
import yaml

from cbi.gcs.identity import StagedFile
from cbi.local.processes import Processes

ROOT = Path(__file__).parents[2]

FINALIZED = "google.cloud.storage.object.v1.finalized"
SWEEP = "cbi.sweep.v1"


class FunctionProcess:
    """Processes of the function behind one address, and of its command line."""

    def __init__(self, connection: Connection, environment: Mapping[str, str], log: Path) -> None:
        self._connection = connection
        self._lock = RLock()
        self._environment = dict(environment)
        self._log = log
        self._serving: list[int] = []
        self._running: list[int] = []
        self.url = f"http://127.0.0.1:{connection.recv()}"

    def start(self, count: int = 1, **environment: str) -> None:
        """Start `count` processes of the function, with these variables on top of the environment."""
        with self._lock:
            for _ in range(count):
                self._serving.append(self._ask("serve", self._environment | environment))

    def kill(self) -> None:
        """End all processes, those of commands too, as a crash would. They are gone afterwards."""
        # A proxy kills from a thread of its own: whoever sees the crash must not be ahead of it.
        with self._lock:
            for pid in (*self._serving, *self._running):
                self._ask("kill", pid)
            self._serving.clear()

    @property
    def is_running(self) -> bool:
        with self._lock:
            return bool(self._serving)

    def restart(self) -> None:
        """Kill what runs and start the function again: nothing it had in memory is left."""
        self.kill()
        self.start()

    def deliver(self, file: StagedFile) -> bool:
        """Post the event of a staged file, and say whether it was acknowledged."""
        data = {"bucket": file.bucket, "name": file.name, "generation": str(file.generation)}
        return self.post(FINALIZED, data)

    def post(self, kind: str, data: Mapping[str, Any]) -> bool:
        """Post a CloudEvent, and say whether it was acknowledged: with 2xx, not with an error or a crash."""
        headers = {"ce-id": "1", "ce-type": kind, "ce-source": "//test", "ce-specversion": "1.0"}
        try:
            return requests.post(self.url, json=data, headers=headers, timeout=60).ok
        except requests.ConnectionError:
            return False

    def run(self, *arguments: str) -> bool:
        """Run `python -m cbi` with these arguments, and say whether it exited with 0."""
        with self._lock:
            pid = self._ask("run", self._environment, arguments)
            self._running.append(pid)
        code = self._wait(pid, arguments)
        self._running.remove(pid)
        return code == 0

    def run_alone(self, *arguments: str, environment: Mapping[str, str]) -> CompletedProcess[str]:
        """Run `python -m cbi` with these arguments and just this environment, and return what it said."""
        with TemporaryDirectory() as folder:
            output, errors = Path(folder, "output"), Path(folder, "errors")
            pid = self._ask("run", dict(environment), arguments, (str(output), str(errors)))
            code = self._wait(pid, arguments)
            return CompletedProcess(arguments, code, output.read_text(), errors.read_text())

    def _wait(self, pid: int, arguments: Sequence[str]) -> int:
        deadline = time.monotonic() + 60
        while (code := self._ask("poll", pid)) is None:
            assert time.monotonic() < deadline, f"cbi {' '.join(arguments)} still runs after 60 s"
            time.sleep(0.005)
        return int(code)

    def log(self) -> str:
        """All that the processes have logged so far."""
        return self._log.read_text()

    def _ask(self, *command: Any) -> Any:
        with self._lock:
            self._connection.send(command)
            return self._connection.recv()


@contextmanager
def function_process(folder: Path, environment: Mapping[str, str], logs: Path) -> Iterator[FunctionProcess]:
    """The function of the package in `folder`, with nothing started yet."""
    program = Path(__file__).with_name("fork_server.py")
    with TemporaryDirectory() as short, Processes(logs, disposable=True) as processes:
        address = Path(short, "socket")  # the name of a socket has at most some 100 characters
        log = logs / "function.log"
        command = [sys.executable, str(program), str(folder), str(address), str(log)]
        server = processes.start("fork-server", command, environment)
        server.wait_until(address.exists, timeout=60)
        with Client(str(address)) as connection:
            yield FunctionProcess(connection, environment, log)


def copy_package(folder: Path, feeds: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the package and its entry point into a folder, with further feeds in it."""
    shutil.copytree(ROOT / "cbi", folder / "cbi", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "main.py", folder)
    for name, contract in feeds.items():
        (folder / f"cbi/feeds/{name}.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))
