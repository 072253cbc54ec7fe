"""Workers kept warm, and how much memory those of one process may have together.

A job is first given a small worker, any number of which may be at work. One that a small worker cannot do is
given a large one, of which there is one at a time. So small files never wait for a large one, and memory is
bounded: by one large worker, and a small one for each request that is served at once.
"""

import os
import pickle
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from threading import Lock

from cbi.workers.channel import Bytes, Channel, Frame, Kind
from cbi.workers.limits import OUT_OF_MEMORY, Cause, cause_of
from cbi.workers.worker import Job
from cbi.workers.zygote import ENDED, replace_zygote, start_zygote, starts_at_once

Serve = Callable[[bytes, memoryview], Bytes]
"""Answers a worker's request, which has a payload; for several threads."""

SMALL = 4
"""A small worker may have this fraction of a large one's memory."""

# A worker that waits for a job keeps some memory for itself.
_MOST_IDLE = 4

_REQUESTS_AT_ONCE = 8

# The kernel ends a worker in time; only where it does not, who waits for it gives up, so many seconds later.
_GRACE = 10


class Stopped(Exception):
    """A worker ended before its job did; `peak` is the most memory it had, in bytes, where that is known."""

    def __init__(self, cause: Cause, details: str, peak: int = 0) -> None:
        super().__init__(f"{cause}: {details}")
        self.cause = cause
        self.details = details
        self.peak = peak


class NoRoom(Exception):
    """A job waited for its turn at the memory of a large worker until its time was up."""


class JobFailed(Exception):
    """A job raised what nobody has foreseen; the text is its traceback."""


class Workers:
    """Does jobs in workers of at most so many bytes each."""

    def __init__(self, memory_bytes: int, modules: Sequence[str] = ()) -> None:
        """`modules` are what jobs need; a new interpreter for workers imports them before it has a job.

        The first worker is started now, unless that takes such an interpreter: most commands have no job.
        """
        self._memory_bytes = memory_bytes
        self._modules = modules
        self._large = Lock()
        self._idle = [self._start()] if starts_at_once() else []

    def run(self, job: Job, serve: Serve, seconds: float) -> bytes:
        """Do a job, whose requests are served here, and return its result.

        Raises Stopped where it takes more memory or time than it may or ends its worker, NoRoom, JobFailed,
        and whatever `serve` raises.
        """
        end = time.monotonic() + seconds
        try:
            return self._attempt(self._take(), job, serve, self._memory_bytes // SMALL, end)
        except Stopped as stopped:
            if stopped.cause is Cause.TIME:
                raise
        if not self._large.acquire(timeout=max(end - time.monotonic(), 0)):
            raise NoRoom("the memory for a large job was taken until time was up")
        try:
            return self._attempt(self._start(), job, serve, self._memory_bytes, end)
        finally:
            self._large.release()

    def close(self) -> None:
        """Let the workers end that have nothing to do."""
        while self._idle:
            self._idle.pop().close()

    def _attempt(self, worker: "_Worker", job: Job, serve: Serve, memory: int, end: float) -> bytes:
        kept = False
        try:
            result, stays = worker.run(job, serve, memory, end)
            if kept := stays and len(self._idle) < _MOST_IDLE:
                self._idle.append(worker)
            return result
        finally:
            if not kept:
                worker.close()

    def _take(self) -> "_Worker":
        try:
            return self._idle.pop()
        except IndexError:
            return self._start()

    def _start(self) -> "_Worker":
        zygote = start_zygote(self._modules)
        try:
            return _Worker(*zygote.start_worker())
        except OSError:  # something has ended it
            return _Worker(*replace_zygote(zygote, self._modules).start_worker())


class _Worker:
    """A worker as who gives it jobs sees it."""

    def __init__(self, connection: socket.socket, ended: int) -> None:
        self._channel = Channel(connection)
        self._ended = os.fdopen(ended, "rb")

    def run(self, job: Job, serve: Serve, memory: int, end: float) -> tuple[bytes, bool]:
        """A job's result, and whether the worker can do another."""
        seconds = max(end - time.monotonic(), 0.001)
        self._channel.connection.settimeout(seconds + _GRACE)
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            try:
                self._channel.send(Kind.JOB, 0, b"", pickle.dumps((job, memory, seconds)))
                frame = self._result(pool, serve)
            except TimeoutError as error:
                raise Stopped(Cause.TIME, "it did not end") from error
            except (EOFError, OSError) as error:
                raise Stopped(*self._why(memory)) from error
        if frame.kind is Kind.RAISED:
            raise JobFailed(frame.payload.decode())
        return bytes(frame.payload), frame.kind is Kind.RESULT

    def close(self) -> None:
        """Let the worker end."""
        self._channel.close()
        self._ended.close()

    def _result(self, pool: ThreadPoolExecutor, serve: Serve) -> Frame:
        """The frame that ends a job. Raises what `serve` raises, EOFError and OSError."""
        faults: list[BaseException] = []

        def answer(request: Frame) -> None:
            try:
                reply = serve(bytes(request.head), memoryview(request.payload))
            except BaseException as error:
                faults.append(error)
                with suppress(OSError):
                    self._channel.connection.shutdown(socket.SHUT_RDWR)
            else:
                with suppress(OSError):  # whoever receives meets the same
                    self._channel.send(Kind.REPLY, request.number, b"", reply)

        try:
            while (frame := self._channel.receive()).kind is Kind.REQUEST:
                pool.submit(copy_context().run, answer, frame)
        except (EOFError, OSError):
            pool.shutdown()
            if faults:
                raise faults[0] from None
            raise
        return frame

    def _why(self, memory: int) -> tuple[Cause, str, int]:
        """How the worker ended that might have so much memory; its zygote tells, if it is there still."""
        ready, _, _ = select.select([self._ended], [], [], _GRACE)
        told = self._ended.read(ENDED.size) if ready else b""
        if len(told) < ENDED.size:
            return Cause.CRASH, "nobody knows how", 0
        status, peak = ENDED.unpack(told)
        if status == -signal.SIGABRT and peak >= memory:  # so C++ takes it to be refused memory
            status = OUT_OF_MEMORY
        return *cause_of(status), peak
