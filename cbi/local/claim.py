"""A data folder belongs to one stack at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cbi.errors import Misconfigured


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a data folder until the block ends, or this process does, however that comes.

    Raises Misconfigured, naming the process, where another one holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder, addresses = lock.read().strip() or "unknown", folder / "stack.json"
            raise Misconfigured(
                f"{folder} is served already, by process {holder}: use that stack (its addresses are in"
                f" {addresses}), stop it, or take another folder with --data-dir"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
