"""The process that workers are forked from: it has imported all they need, and never has a second thread.

It is forked itself from a process without threads, as the function is while it is imported; anywhere else (a
command that has started threads, a notebook, macOS, where libraries start threads of their own) it is a new
interpreter. It ends with the last process that could ask it for a worker.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from struct import Struct
from typing import Any, NoReturn

from cbi.workers.worker import work

ENDED = Struct("<iq")
"""How a worker ended, as its zygote tells it: exit code, negative for a signal, and peak memory in bytes."""

_PROGRAM = "import sys; sys.path[:] = {path!r}\nfrom cbi.workers.zygote import main; main({fd}, {modules!r})"

_alone = threading.Lock()
_current: "Zygote | None" = None


class Zygote:
    """The end at which workers are asked for. Forked processes may share it."""

    def __init__(self, control: socket.socket, wait: Callable[[], object]) -> None:
        self._control = control
        self._wait = wait

    def start_worker(self) -> tuple[socket.socket, int]:
        """Start a worker: returns the socket to it, and the pipe that will say how it ended (ENDED).

        Raises OSError where the zygote is gone.
        """
        ours, theirs = socket.socketpair()
        ended, tell_ended = os.pipe()
        try:
            socket.send_fds(self._control, [b"\0"], [theirs.fileno(), tell_ended])
        except OSError:
            ours.close()
            os.close(ended)
            raise
        finally:
            theirs.close()
            os.close(tell_ended)
        return ours, ended

    def stop(self) -> None:
        """Wait until it and its workers have ended, which those must have been told to do."""
        self._control.close()
        self._wait()


def starts_at_once() -> bool:
    """Whether a zygote is there or can be forked; a new interpreter takes a second of processor time."""
    return _current is not None or _can_fork()


def _can_fork() -> bool:
    return sys.platform == "linux" and threading.active_count() == 1


def start_zygote(modules: Sequence[str] = ()) -> Zygote:
    """This process's zygote, which is started the first time; one with threads starts a new interpreter.

    That one imports the modules, which a fork has already.
    """
    global _current
    with _alone:
        if _current is None:
            _current = _forked() if _can_fork() else _spawned(modules)
        return _current


def stop_zygote() -> None:
    """End this process's zygote: the system then counts it and its workers as this process's children."""
    global _current
    with _alone:
        if _current is not None:
            _current.stop()
            _current = None


def replace_zygote(gone: Zygote, modules: Sequence[str] = ()) -> Zygote:
    """Another zygote in place of one that is gone."""
    global _current
    with _alone:
        if _current is gone:
            _current = _spawned(modules)
    return start_zygote(modules)


def _forked() -> Zygote:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _run(theirs)
    theirs.close()
    return Zygote(ours, lambda: os.waitpid(pid, 0))


def _spawned(modules: Sequence[str]) -> Zygote:
    ours, theirs = socket.socketpair()
    with theirs:
        program = _PROGRAM.format(path=sys.path, fd=theirs.fileno(), modules=list(modules))
        command = [sys.executable, "-c", program]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
    return Zygote(ours, process.wait)


def main(control: int, modules: Sequence[str]) -> NoReturn:
    """Be a zygote that is a new interpreter."""
    for module in modules:
        import_module(module)
    _run(socket.socket(fileno=control))


def _run(control: socket.socket) -> NoReturn:
    """Be a zygote, and never come back to what was going on where it was forked."""
    code = 1
    try:
        _close_others(control.fileno())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes of a command
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _serve(control)
        code = 0
    finally:
        os._exit(code)


def _close_others(kept: int) -> None:
    """Close what was open where this was forked, so that it ends when that process closes it."""
    for first, last in ((3, kept), (kept + 1, os.sysconf("SC_OPEN_MAX"))):
        os.closerange(first, last)


def _serve(control: socket.socket) -> None:
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    tell_ended: dict[int, int] = {}
    watched: list[Any] = [control, woken]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if woken in ready:
            os.read(woken, 512)
            _reap(tell_ended)
        if control in ready:
            asked, descriptors, _, _ = socket.recv_fds(control, 1, 2)
            if not asked:
                while tell_ended:
                    _reap(tell_ended, 0)
                return
            connection, ended = descriptors
            pid = os.fork()
            if pid == 0:
                _become_worker(connection, [control.fileno(), woken, wake, ended, *tell_ended.values()])
            os.close(connection)
            tell_ended[pid] = ended


def _become_worker(connection: int, others: Sequence[int]) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in others:
        os.close(descriptor)
    work(socket.socket(fileno=connection))


def _reap(tell_ended: dict[int, int], options: int = os.WNOHANG) -> None:
    """Tell of all workers that have ended how they did."""
    while tell_ended:
        pid, status, usage = os.wait4(-1, options)
        if not pid:
            return
        ended = tell_ended.pop(pid)
        peak = usage.ru_maxrss << (10 if sys.platform == "linux" else 0)
        with suppress(OSError):  # nobody asks any more
            os.write(ended, ENDED.pack(os.waitstatus_to_exitcode(status), peak))
        os.close(ended)
