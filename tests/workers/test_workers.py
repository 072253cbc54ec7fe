"""What a worker may do and take, and that whatever ends it ends nothing else."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from support.in_worker import fresh_workers

from cbi.workers.limits import Cause
from cbi.workers.pool import SMALL, JobFailed, NoRoom, Stopped, Workers
from cbi.workers.worker import Ask

ROOT = Path(__file__).parents[2]
MEMORY = 256 << 20


@pytest.fixture(scope="module")
def workers() -> Workers:
    return fresh_workers(MEMORY, __name__)


def _largest() -> int:
    """The most memory that this process has had, from where the kernel counts what its children have."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def echo(_: bytes, payload: memoryview) -> bytes:
    return bytes(payload)


def ask(ask: Ask, payload: bytes = b"") -> bytes:
    return bytes(ask(b"question", payload))


def pid(_: Ask) -> bytes:
    return str(os.getpid()).encode()


def kill(_: Ask, by: int) -> bytes:
    os.kill(os.getpid(), by)
    return b"alive"


def crash(_: Ask) -> bytes:
    """Read where nothing is, as a decoder does that believes a damaged file."""
    return bytes(pa.foreign_buffer(16, 8).to_pybytes())


def take(_: Ask, size: int) -> bytes:
    return str(len(bytearray(size))).encode()


def take_for_arrow(_: Ask, size: int) -> bytes:
    return str(pa.allocate_buffer(size, memory_pool=pa.system_memory_pool()).size).encode()


def hang(_: Ask) -> bytes:
    while True:  # without ever letting another thread run, as a loop in C does
        pow(7, 10**7, 10**4000)


def wait_for_ever(_: Ask) -> bytes:
    time.sleep(3600)
    return b"awake"


def fail(_: Ask) -> bytes:
    raise KeyError("nobody expects it")


def test_a_worker_asks_and_is_answered(workers: Workers) -> None:
    payload = os.urandom(3 << 20)
    assert workers.run(partial(ask, payload=payload), echo, 60) == payload


def test_a_worker_does_one_job_after_the_other(workers: Workers) -> None:
    assert len({workers.run(pid, echo, 60) for _ in range(5)}) == 1


def test_jobs_at_the_same_time_have_workers_of_their_own(workers: Workers) -> None:
    payloads = [os.urandom(1 << 20) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        jobs = [pool.submit(workers.run, partial(ask, payload=each), echo, 60) for each in payloads]
    assert [job.result() for job in jobs] == payloads


@pytest.mark.parametrize("job", [crash, partial(kill, by=signal.SIGABRT)], ids=["SIGSEGV", "SIGABRT"])
def test_a_crash_is_told_by_its_signal(
    workers: Workers, job: Callable[[Ask], bytes], request: pytest.FixtureRequest
) -> None:
    with pytest.raises(Stopped) as stopped:
        workers.run(job, echo, 60)
    assert (stopped.value.cause, stopped.value.details) == (Cause.CRASH, request.node.callspec.id)
    assert workers.run(pid, echo, 60)


def test_a_worker_that_the_system_killed_took_too_much_memory(workers: Workers) -> None:
    with pytest.raises(Stopped) as stopped:
        workers.run(partial(kill, by=signal.SIGKILL), echo, 60)
    assert stopped.value.cause is Cause.MEMORY


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
@pytest.mark.parametrize("job", [take, take_for_arrow])
def test_memory_is_limited(workers: Workers, job: Callable[..., bytes]) -> None:
    with pytest.raises(Stopped) as stopped:
        workers.run(partial(job, size=2 * MEMORY), echo, 60)
    assert stopped.value.cause is Cause.MEMORY
    assert 0 < stopped.value.peak < MEMORY + _largest()
    assert workers.run(pid, echo, 60)


def test_what_is_too_much_for_a_small_worker_is_done_by_a_large_one(workers: Workers) -> None:
    size = MEMORY // SMALL * 2
    assert workers.run(partial(take, size=size), echo, 60) == str(size).encode()


def test_a_worker_that_keeps_much_does_no_other_job() -> None:
    workers = Workers(512 << 20, (__name__,))
    kept = workers.run(partial(take_and_keep, size=100 << 20), echo, 60)
    assert workers.run(pid, echo, 60) != kept


_kept: list[bytes] = []


def take_and_keep(_: Ask, size: int) -> bytes:
    _kept.append(b"x" * size)
    return str(os.getpid()).encode()


@pytest.mark.parametrize("job", [hang, wait_for_ever])
def test_time_is_limited(workers: Workers, job: Callable[[Ask], bytes]) -> None:
    start = time.monotonic()
    with pytest.raises(Stopped) as stopped:
        workers.run(job, echo, 0.5)
    assert stopped.value.cause is Cause.TIME
    assert time.monotonic() - start < 5
    assert workers.run(pid, echo, 60)


def test_others_go_on_while_one_takes_all_that_it_may(workers: Workers) -> None:
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(workers.run, hang, echo, 3)
        done = 0
        while not hanging.done():
            assert workers.run(pid, echo, 60)
            done += 1
        assert isinstance(hanging.exception(), Stopped)
    assert done > 5


def test_a_second_large_job_waits_for_the_first_and_not_for_ever(workers: Workers) -> None:
    size = MEMORY // SMALL * 2
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(workers.run, partial(take_and_wait, size=size, seconds=2), echo, 60)
        time.sleep(0.7)
        with pytest.raises(NoRoom):
            workers.run(partial(take, size=size), echo, 0.5)
        assert workers.run(partial(take, size=size), echo, 60)
        assert first.result()


def take_and_wait(_: Ask, size: int, seconds: float) -> bytes:
    taken = bytearray(size)
    time.sleep(seconds)
    return str(len(taken)).encode()


def test_what_nobody_has_foreseen_is_raised_with_its_traceback(workers: Workers) -> None:
    with pytest.raises(JobFailed, match=r"in fail\n(.*\n)*KeyError: 'nobody expects it'"):
        workers.run(fail, echo, 60)


def test_what_serving_raises_is_raised_and_the_job_is_over(workers: Workers) -> None:
    def refuse(request: bytes, _: memoryview) -> bytes:
        raise LookupError(request.decode())

    with pytest.raises(LookupError, match="question"):
        workers.run(ask, refuse, 60)
    assert workers.run(pid, echo, 60)


PARENT = """
import os, sys
sys.path.insert(0, "tests")
from workers.test_workers import Workers, echo, hang, pid
workers = Workers({memory})
print(workers.run(pid, echo, 60).decode(), os.getpid(), flush=True)
{then}
"""


def process(then: str) -> subprocess.Popen[str]:
    program = PARENT.format(memory=MEMORY, then=then)
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def gone(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("then", ["workers.run(hang, echo, 3)", "import time; time.sleep(60)"])
def test_workers_end_with_the_process_they_work_for(then: str) -> None:
    with process(then) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline().split()[0])
        parent.kill()
    end = time.monotonic() + 10
    while not gone(worker) and time.monotonic() < end:
        time.sleep(0.05)
    assert gone(worker)


def test_a_zygote_that_is_gone_is_replaced() -> None:
    zygote = "int(open(f'/proc/{worker}/stat').read().split()[3])"
    then = f"""
import signal
from functools import partial
from workers.test_workers import Stopped, kill
worker = workers.run(pid, echo, 60).decode()
os.kill({zygote}, signal.SIGKILL)
try:
    workers.run(partial(kill, by=signal.SIGKILL), echo, 60)
except Stopped:
    pass
print(workers.run(pid, echo, 60).decode())
"""
    with process(then) as parent:
        output, _ = parent.communicate(timeout=60)
        assert parent.returncode == 0
    first, _, second = output.split()
    assert first != second


@pytest.mark.parametrize("threads", [False, True], ids=["forked", "a new interpreter"])
def test_a_zygote_is_forked_only_while_there_is_one_thread(threads: bool) -> None:
    program = f"""
import threading
if {threads}:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
import fractions
from cbi.workers.pool import Workers
from workers.test_workers import knows, echo
print(Workers(1 << 28).run(knows, echo, 60).decode())
"""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.insert(0, 'tests')\n" + program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout.strip(), done.stderr) == (str(not threads), "")


def knows(_: Ask) -> bytes:
    """Whether this process was forked from one that had loaded a module."""
    return str("fractions" in sys.modules).encode()
