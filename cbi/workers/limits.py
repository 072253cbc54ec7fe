"""What a worker may take, kept by the kernel: memory by resource limits, time by an alarm.

On Linux memory is what it maps to write to (RLIMIT_DATA), and, as sandboxes of containers know that limit for
the heap alone, all that it maps (RLIMIT_AS). Elsewhere (macOS) neither limit is kept, and none is set.
"""

import ctypes
import resource
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

OUT_OF_MEMORY = 77
"""The exit code of a worker that was refused memory."""

# Every thread maps its stack, and a heap of 64 MiB unless it shares one; of both a few serve as well.
_STACK_BYTES = 1 << 20
_M_ARENA_MAX, _ARENAS = -8, 2

_STATM = Path("/proc/self/statm")


class Cause(StrEnum):
    """Why a worker ended before its job did."""

    MEMORY = "memory"
    TIME = "time"
    CRASH = "crash"


def few_maps() -> None:
    """Let threads started from now on map little: limits are on what is mapped, not on what is used."""
    threading.stack_size(_STACK_BYTES)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a C library that is not glibc
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


@dataclass(frozen=True)
class Memory:
    """What a process has: all that is mapped, what of it is data, and what is its own, in bytes."""

    mapped: int
    data: int
    own: int


def memory_now() -> Memory:
    """What this process has now; nothing, where the system does not say."""
    if sys.platform != "linux":
        return Memory(0, 0, 0)
    mapped, resident, shared, _, _, data, _ = (
        int(pages) * resource.getpagesize() for pages in _STATM.read_text().split()
    )
    return Memory(mapped, data, resident - shared)


def limit_memory(base: Memory, extra: int) -> None:
    """Let this process have so many bytes more than `base`."""
    if sys.platform == "linux":
        for limit, most in (
            (resource.RLIMIT_DATA, base.data + extra),
            (resource.RLIMIT_AS, base.mapped + extra),
        ):
            hard = resource.getrlimit(limit)[1]
            resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def limit_time(seconds: float) -> None:
    """End this process after so many seconds, whatever it does then; 0 for never."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def cause_of(status: int) -> tuple[Cause, str]:
    """Why a process ended, by its exit code or, negative, its signal; and that in words."""
    if status == -signal.SIGALRM:
        return Cause.TIME, "it took too long"
    if status in (OUT_OF_MEMORY, -signal.SIGKILL):
        return Cause.MEMORY, "it took too much memory"
    if status < 0:
        return Cause.CRASH, signal.Signals(-status).name
    return Cause.CRASH, f"exit code {status}"
