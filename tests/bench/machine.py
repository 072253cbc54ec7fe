"""What was measured on."""

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("pyarrow", "duckdb", "polars", "pandas")


@dataclass(frozen=True)
class Machine:
    processor: str
    cores: int
    memory_bytes: int
    system: str
    versions: dict[str, str]


def this_machine() -> Machine:
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.machine()}",
        versions={"Python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
    )


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
