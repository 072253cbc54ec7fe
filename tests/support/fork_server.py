"""A process that has imported everything and forks, so that the function or a command starts in no time.

Run it with `python fork_server.py FOLDER ADDRESS LOG`, where FOLDER has `main.py` and `cbi/`. Who connects
to the socket ADDRESS first is told the port the function will be served at, and then sends tuples of a
command's name and its arguments, each of which is answered. What the forked processes log is in the file LOG.

The clients' waits between two tries are a hundredth of what they are elsewhere; nothing else differs from
the function as it is deployed.
"""

import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any

from functions_framework import create_app
from google.api_core.retry import exponential_sleep_generator, retry_unary
from werkzeug.serving import make_server

QUICKER = 100


class ForkServer:
    """The commands. All forked processes that serve share one listening socket."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listening.getsockname()[1]
        self._app = create_app("ingest", "main.py")
        self._ended: dict[int, int] = {}

    def serve(self, environment: Mapping[str, str]) -> int:
        """Start the function and give its process id."""

        def serve() -> int:
            server = make_server(
                "127.0.0.1", self.port, self._app, threaded=True, fd=self._listening.fileno()
            )
            server.serve_forever()
            return 0

        return self._fork(environment, serve)

    def run(
        self, environment: Mapping[str, str], arguments: Sequence[str], output: tuple[str, str] | None = None
    ) -> int:
        """Start `python -m cbi` with these arguments and return its process id.

        `output` are the files of its standard output and error; it then has just this environment.
        """

        def run() -> int:
            if output:
                os.environ.clear()
                os.environ.update(environment)
                for path, stream in zip(output, (sys.stdout, sys.stderr), strict=True):
                    _write_to(Path(path), stream.fileno())
            sys.argv = ["cbi", *arguments]
            try:
                import_module("cbi.__main__")
            except SystemExit as end:
                return int(end.code or 0)
            except Exception:
                traceback.print_exc()
                return 1
            return 0

        return self._fork(environment, run)

    def poll(self, pid: int) -> int | None:
        """A process's exit code, negative for a signal, or None while it runs."""
        return self._reap(pid, os.WNOHANG)

    def kill(self, pid: int) -> int | None:
        """End a process as a crash would; when this is answered it is gone."""
        if self._reap(pid, os.WNOHANG) is None:
            os.kill(pid, signal.SIGKILL)
        return self._reap(pid, 0)

    def _reap(self, pid: int, options: int) -> int | None:
        if pid not in self._ended:
            found, status = os.waitpid(pid, options)
            if found:
                self._ended[pid] = os.waitstatus_to_exitcode(status)
        return self._ended.get(pid)

    def _fork(self, environment: Mapping[str, str], work: Callable[[], int]) -> int:
        pid = os.fork()
        if pid:
            self._ended.pop(pid, None)  # ids of processes come again
            return pid
        code = 70
        try:
            _write_to(self._log, sys.stdout.fileno(), sys.stderr.fileno())
            os.environ.update(environment)
            code = work()
            sys.stdout.flush()
        finally:
            os._exit(code)


def _write_to(path: Path, *streams: int) -> None:
    """Let these file descriptors append to a file."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in streams:
        os.dup2(file, stream)


def _import_all() -> None:
    """What is otherwise imported only when it is needed: by a command, a splice, or pyarrow's join."""
    from cbi.cli import COMMANDS, module_name

    commands = [f"cbi.cli.{module_name(command)}" for command in COMMANDS]
    steps = ["cbi.ops.check", "cbi.ops.replay", "cbi.ops.init", "cbi.ops.sweep", "cbi.ops.undo"]
    steps += ["cbi.enrich.splice.plan", "cbi.enrich.splice.delta"]
    for module in (*commands, *steps, "google_crc32c", "pyarrow.dataset", "netrc"):
        import_module(module)


def _make_retries_quick() -> None:
    generate = exponential_sleep_generator

    def quick(initial: float, maximum: float, multiplier: float) -> Iterator[float]:
        yield from generate(initial / QUICKER, maximum / QUICKER, multiplier)

    vars(retry_unary)["exponential_sleep_generator"] = quick


def main() -> None:
    folder, address, log = sys.argv[1:]
    os.chdir(folder)
    sys.path[0] = folder
    _make_retries_quick()
    server = ForkServer(Path(log))
    _import_all()
    gc.freeze()  # a collection in a forked process would copy every page that has an object
    commands: Mapping[str, Callable[..., Any]] = {
        "serve": server.serve,
        "run": server.run,
        "poll": server.poll,
        "kill": server.kill,
    }
    with Listener(address) as listener, listener.accept() as connection:
        connection.send(server.port)
        while True:
            try:
                command, *arguments = connection.recv()
            except EOFError:
                return
            connection.send(commands[command](*arguments))


if __name__ == "__main__":
    main()
