"""A process that has workers read one damaged file after the other, as the function does.

    python -m support.fuzzing FIRST LAST

prints for each file its number, how it ended rewritten and spliced, and the longest that took; and in the end
the most memory that this process and any of its workers had.
"""

import logging
import re
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cbi.settings import EnrichStrategy, Settings
from cbi.workers.pool import Workers
from cbi.workers.zygote import start_zygote, stop_zygote
from support.in_worker import prepared
from support.mutations import mutated

SETTINGS = Settings(worker_seconds=10, worker_memory_bytes=256 << 20)

STRATEGIES: Sequence[EnrichStrategy] = ("rewrite", "splice")


def fate(workers: Workers, content: bytes) -> tuple[str, str, float]:
    """How a file ends, rewritten and spliced if it can be, and the longer time of both."""
    ends, longest = [], 0.0
    for strategy in STRATEGIES:
        start = time.monotonic()
        found = prepared(workers, content, strategy, SETTINGS)
        longest = max(longest, time.monotonic() - start)
        ends.append(str(found.failure.reason) if found.failure else "success")
    return ends[0], ends[1], longest


def peak() -> int:
    """The most memory this process has had, in bytes."""
    status = Path("/proc/self/status")  # other than getrusage's, its figure does not begin with the parent's
    if status.exists():
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(first: int, last: int) -> None:
    logging.getLogger("cbi").setLevel(logging.ERROR)
    start_zygote()
    begin = peak()
    workers = Workers(SETTINGS.worker_memory_bytes)
    for number in range(first, last):
        content = mutated(number)
        print(number, *fate(workers, content), flush=True)
    workers.close()
    stop_zygote()
    unit = 1 << (10 if sys.platform == "linux" else 0)
    of_workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    print("peak", begin, peak(), of_workers)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
