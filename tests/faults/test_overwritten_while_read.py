"""A staged file that is overwritten or deleted at any moment of its run: all of it loads, or nothing."""

import os
from datetime import timedelta
from itertools import count

import pyarrow as pa
import pytest
from support.faults import Meanwhile
from support.tally import Entry, Tally
from support.world import FIRST_DAY, Rows, World, rows, rows_of

from cbi.gcs.identity import StagedFile

ROWS = 7
# Above 32 MiB a file is not fetched by one request but by ranges.
LARGE = (34 << 20) // ROWS


@pytest.mark.parametrize("what", ["other bytes", "the same bytes", "nothing"])
def test_at_every_request(world: World, tally: Tally, what: str) -> None:
    with tally.entry("a file that is overwritten", f"with {what}, before each request") as entry:
        for number in count():
            world.reset()
            symbol = f"overwritten with {what} {number}"
            old = rows(symbol, ROWS)
            new = rows(symbol, ROWS, FIRST_DAY + timedelta(days=10)) if what == "other bytes" else old
            if not _interrupt(world, symbol, old, None if what == "nothing" else new, number, entry):
                return


def test_between_the_reads_of_a_large_file(world: World, tally: Tally) -> None:
    with tally.entry("a file of 34 MiB that is overwritten", "before each read of a range") as entry:
        for read in count():
            world.reset()
            symbol = f"overwritten large {read}"
            old, new = (
                rows(symbol, ROWS, FIRST_DAY + timedelta(days=day)).append_column(
                    "noise", pa.array([os.urandom(LARGE) for _ in range(ROWS)])
                )
                for day in (0, 10)
            )
            if not _interrupt(world, symbol, old, new, read, entry, only="alt=media&generation"):
                assert read > 2, "a file of this size is read by ranges"
                return


def _interrupt(
    world: World,
    symbol: str,
    old: pa.Table,
    new: pa.Table | None,
    number: int,
    entry: Entry,
    only: str = "",
) -> bool:
    """Overwrite the file before the request of that number, of those with `only` in them; then look.

    False where there is no such request.
    """
    file = world.drop("appended", symbol, old)
    newer: list[StagedFile] = []
    is_over = False

    def overwrite() -> None:
        nonlocal is_over
        is_over = True
        if new is None:
            world.delete(file)
        else:
            newer.append(world.drop("appended", symbol, new))

    matching = count()
    world.faults.plan(
        lambda _, request: Meanwhile(overwrite) if only in request and next(matching) == number else None
    )
    try:
        assert world.function.deliver(file), "it was refused"
        world.faults.clear()
        loaded = _loaded(world, file, old, "superseded")
        if new is not None and newer:
            assert world.function.deliver(newer[0]), "the newer one was refused"
            loaded |= _loaded(world, newer[0], new, "duplicate_content")
            assert loaded, "neither was loaded"
        assert world.in_table("appended", symbol) == loaded
    except AssertionError as error:
        entry.violations.append(f"{entry.case} {entry.done}, {number}: {error}")
    entry.schedules += is_over
    return is_over


def _loaded(world: World, file: StagedFile, table: pa.Table, reason: str) -> dict[str, Rows]:
    """A run's rows as they must be in the table: all, or none where its report gives the reason."""
    report = world.cloud.read_report(file)
    assert report is not None, f"{file.uri} has no report"
    if report["status"] == "success":
        return {file.run_id: rows_of(table)}
    assert report["reason"] == reason
    return {}
