"""A worker's own side: jobs come one after the other, and ask for what they need of the outside."""

import os
import pickle
import socket
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread
from typing import NoReturn

from cbi.workers.channel import Bytes, Channel, Frame, Kind
from cbi.workers.limits import OUT_OF_MEMORY, few_maps, limit_memory, limit_time, memory_now

Ask = Callable[[bytes, Bytes], bytearray]
"""Sends a request with a payload to the process the work is for, and waits for its reply."""

Job = Callable[[Ask], bytes]

# A worker that has so much more after a job than before its first makes room for a new one.
_MOST_KEPT = 64 << 20

# What Python says when a thread's stack cannot be mapped.
_NO_THREAD = "can't start new thread"


def work(connection: socket.socket) -> NoReturn:
    """Work until the other end is closed."""
    few_maps()
    worker = _Worker(Channel(connection))
    code = 1
    try:
        Thread(target=worker.listen, daemon=True).start()
        while worker.next_job():
            pass
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    finally:
        os._exit(code)


class _Worker:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._jobs = SimpleQueue[Frame]()
        self._asked: dict[int, Future[bytearray]] = {}
        self._numbering = Lock()
        self._number = 0
        self._base = memory_now()

    def listen(self) -> None:
        """Hand out what comes; when nobody is left to work for, end the process at once."""
        try:
            while True:
                frame = self._channel.receive()
                if frame.kind is Kind.REPLY:
                    self._asked.pop(frame.number).set_result(frame.payload)
                else:
                    self._jobs.put(frame)
        except (EOFError, OSError):
            os._exit(0)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)

    def next_job(self) -> bool:
        """Do a job within its limits, and say whether to wait for another one."""
        job: Job
        job, memory, seconds = pickle.loads(self._jobs.get().payload)
        limit_time(seconds)
        limit_memory(self._base, memory)
        try:
            result = job(self._ask)
        except MemoryError:
            raise
        except BaseException as error:
            if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
                raise MemoryError from error
            self._channel.send(Kind.RAISED, 0, b"", traceback.format_exc().encode())
            return False
        stays = memory_now().own - self._base.own < _MOST_KEPT
        limit_time(0)
        self._channel.send(Kind.RESULT if stays else Kind.RETIRED, 0, b"", result)
        return stays

    def _ask(self, request: bytes, payload: Bytes) -> bytearray:
        answered = Future[bytearray]()
        with self._numbering:
            self._number += 1
            number = self._number
        self._asked[number] = answered
        self._channel.send(Kind.REQUEST, number, request, payload)
        return answered.result()
