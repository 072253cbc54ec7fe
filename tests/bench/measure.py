"""One run of one way, in a process of its own.

python -m bench.measure WAY SOURCE TARGET [EXTRA_COLUMNS]
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.files import WARM_UP


@dataclass(frozen=True)
class Measurement:
    """What a run took: wall time, memory above that after a warm-up, bytes read and written.

    `read_bytes` are those that were asked of the system; where that does not say, there are none.
    """

    seconds: float
    peak_bytes: int
    read_bytes: int | None
    written_bytes: int


def measure(
    way: str, source: Path, extra_columns: int = 0, environment: Mapping[str, str] | None = None
) -> Measurement:
    """Run a way once. The process that calls this has to be a small one, see `_peak`."""
    target = source.with_name("target.parquet")
    command = [sys.executable, "-m", __spec__.name, way, str(source), str(target), str(extra_columns)]
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=variables)
    target.unlink(missing_ok=True)
    return Measurement(**json.loads(done.stdout))


def _peak() -> int:
    """The most memory this process has had in bytes. Linux begins with what its parent had at the time."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _read_bytes() -> int | None:
    counters = Path("/proc/self/io")
    if not counters.exists():
        return None
    return int(dict(line.split(": ") for line in counters.read_text().splitlines())["rchar"])


def _run(way: str, source: Path, target: Path, extra_columns: int) -> Measurement:
    from bench.task import make_task

    run = importlib.import_module(f"bench.ways.{way}").run
    task = make_task(source, target, extra_columns)
    run(make_task(source.with_name(WARM_UP), target))
    target.unlink(missing_ok=True)
    memory, read, begin = _peak(), _read_bytes(), time.perf_counter()
    found = run(task)
    seconds = time.perf_counter() - begin
    assert found.clean, found
    read_after = _read_bytes()
    return Measurement(
        seconds=seconds,
        peak_bytes=_peak() - memory,
        read_bytes=None if read is None or read_after is None else read_after - read,
        written_bytes=target.stat().st_size if target.exists() else 0,
    )


if __name__ == "__main__":
    name, file, output, extra = sys.argv[1:]
    print(json.dumps(asdict(_run(name, Path(file), Path(output), int(extra)))))
