"""Mutated parquet files, and a process that reads one after the other as the function does.

    python -m support.fuzzing FIRST LAST

prints the number of each file before it is read, and in the end the most memory it took; the process ends
when a file crashes or hangs it.
"""

import random
import re
import resource
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from cbi.checks.validation import validate
from cbi.contract.catalog import load_feed
from cbi.contract.unsafe_cast import UnsafeCast
from cbi.enrich.rewrite import rewrite
from cbi.enrich.splice.delta import make_delta
from cbi.enrich.splice.plan import plan_splice
from cbi.errors import InvalidFile
from cbi.lookups.regime_calendar import load_regimes_file
from cbi.parquet.source import ParquetSource
from cbi.parquet.unsplicable import Unsplicable
from support.splicing import open_flat
from support.tables import Bucket, nesting

CORPUS = Path(__file__).parents[1] / "faults/corpus"
SECONDS_A_FILE = 10
FEED, CALENDAR = load_feed("daily_ml_matrix"), load_regimes_file()


def mutated(number: int) -> bytes:
    """The file of a number: always the same bytes."""
    chance = random.Random(number)
    seeds = sorted(CORPUS.glob("*.parquet"))
    data = bytearray(seeds[number % len(seeds)].read_bytes())
    chance.choice(_MUTATIONS)(data, chance)
    return bytes(data)


def _flip(data: bytearray, chance: random.Random, first: int, last: int, most: int = 8) -> None:
    for _ in range(chance.randint(1, most)):
        data[chance.randrange(first, last)] ^= 1 << chance.randrange(8)


def _footer(data: bytearray) -> int:
    """Where the footer begins."""
    return len(data) - 8 - int(struct.unpack("<I", data[-8:-4])[0])


def flip_anywhere(data: bytearray, chance: random.Random) -> None:
    _flip(data, chance, 0, len(data))


def flip_in_footer(data: bytearray, chance: random.Random) -> None:
    _flip(data, chance, _footer(data), len(data) - 8, most=3)


def flip_in_pages(data: bytearray, chance: random.Random) -> None:
    _flip(data, chance, 4, _footer(data))


def flip_in_first_page_header(data: bytearray, chance: random.Random) -> None:
    _flip(data, chance, 4, 40, most=3)


def change_footer_length(data: bytearray, chance: random.Random) -> None:
    data[-8:-4] = struct.pack(
        "<I", chance.choice((0, 1, len(data), 2**31, 2**32 - 1, chance.randrange(2**32)))
    )


def cut_off(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def cut_out(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 200)]


def overwrite(data: bytearray, chance: random.Random) -> None:
    start, length = chance.randrange(len(data)), chance.randint(1, 64)
    data[start : start + length] = chance.choice((b"\x00", b"\xff")) * length


def repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randint(1, 500)]


_MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip_anywhere,
    flip_in_footer,
    flip_in_footer,
    flip_in_pages,
    flip_in_first_page_header,
    change_footer_length,
    cut_off,
    cut_out,
    overwrite,
    repeat,
)


def rewritten(content: bytes) -> str:
    """Take a file as far as the function would without a cloud, and say how it ended."""
    try:
        source = ParquetSource(pa.BufferReader(content))
        validation = validate(source, FEED, CALENDAR)
        if validation.failure is not None:
            return str(validation.failure.reason)
        how = nesting(source.schema, FEED, CALENDAR)
        rewrite(source, how, validation.date_intervals, validation.quarantine, Bucket().open_sink)
    except InvalidFile as error:
        return str(error.reason)
    return "success"


def spliced(content: bytes) -> str:
    """The same for a file that is spliced, if it can be. Values that are not looked at may be damaged."""
    try:
        file = open_flat(content)
        how = nesting(file.schema, FEED, CALENDAR)
        validation = validate(file, FEED, CALENDAR)
        if validation.failure is not None:
            return str(validation.failure.reason)
        plan = plan_splice(file, how, validation.date_intervals, validation.dates, validation.quarantine)
        for part in plan.parts:
            for _ in make_delta(plan, part):
                pass
        for _ in plan.rows_left_out():
            pass
    except Unsplicable:
        return rewritten(content)
    except UnsafeCast:
        return "unreadable_file"
    except InvalidFile as error:
        return str(error.reason)
    return "success"


def peak() -> int:
    """The most memory this process has had, in bytes."""
    status = Path("/proc/self/status")  # other than getrusage's, its figure does not begin with the parent's
    if status.exists():
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        signal.alarm(SECONDS_A_FILE)
        print(number, end=" ", flush=True)
        content = mutated(number)
        print(rewritten(content), spliced(content), flush=True)
    print("peak", peak())
