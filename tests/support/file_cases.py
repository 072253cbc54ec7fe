"""Events of files: for each case what comes before, the file, and how its run must end."""

from collections.abc import Mapping
from datetime import timedelta

import pyarrow as pa

from support.faults import Fault
from support.trial import Case, Trial, check_report, check_table, delivery, finish, start_again
from support.world import FIRST_DAY, FIRST_REGIME, World, rows, rows_of


def success(world: World, symbol: str) -> Trial:
    """A file that is loaded."""
    table = rows(symbol, 5)
    file = world.drop("appended", symbol, table)

    def check() -> None:
        check_report(world, file, "success")
        check_table(world, "appended", symbol, {file: table})

    return delivery(world, file, check)


def quarantine(world: World, symbol: str) -> Trial:
    """A file whose first three rows have no regime."""
    table = rows(symbol, 7, FIRST_REGIME - timedelta(days=3))
    file = world.drop("appended", symbol, table)

    def check() -> None:
        check_report(world, file, "success")
        check_table(world, "appended", symbol, {file: table.slice(3)})
        assert world.quarantined(file) == rows_of(table.slice(0, 3))

    return delivery(world, file, check)


def failed_file(world: World, symbol: str) -> Trial:
    """A file with two rows of the same key."""
    table = rows(symbol, 5)
    file = world.drop("appended", symbol, pa.concat_tables([table, table.slice(0, 1)]))

    def check() -> None:
        check_report(world, file, "failed", "validation_failed")
        check_table(world, "appended", symbol, {})

    return delivery(world, file, check)


def two_parts(world: World, symbol: str) -> Trial:
    """A file that is loaded by two jobs."""
    table = rows(symbol, 7)
    file = world.drop("in_parts", symbol, table)

    def check() -> None:
        check_report(world, file, "success")
        check_table(world, "in_parts", symbol, {file: table})

    return delivery(world, file, check)


def retried_load(world: World, symbol: str) -> Trial:
    """A file of two parts whose first job fails for no fault of the file."""
    table = rows(symbol, 7)
    file = world.drop("in_parts", symbol, table)
    world.rules(fail_next_loads=["backendError"])

    def check() -> None:
        check_report(world, file, "success")
        check_table(world, "in_parts", symbol, {file: table})

    return delivery(world, file, check)


def slow_load(world: World, symbol: str) -> Trial:
    """A file whose load job is waited for."""
    table = rows(symbol, 5)
    file = world.drop("appended", symbol, table)
    world.rules(load_seconds=0.6)

    def check() -> None:
        check_report(world, file, "success")
        check_table(world, "appended", symbol, {file: table})

    return delivery(world, file, check)


def refused_part(world: World, symbol: str) -> Trial:
    """A file of two parts, the first of which BigQuery refuses."""
    table = rows(symbol, 7)
    file = world.drop("in_parts", symbol, table)
    start_again(world)
    world.rules(fail_next_loads=["invalid"])

    def check() -> None:
        check_report(world, file, "failed", "load_failed")
        check_table(world, "in_parts", symbol, {file: table.slice(4)})

    return delivery(world, file, check)


def spliced(world: World, symbol: str) -> Trial:
    """A file whose two parts the bucket joins of its bytes and what is appended."""
    table = rows(symbol, 7)
    file = world.drop("spliced", symbol, table)

    def check() -> None:
        report = check_report(world, file, "success")
        assert report["enrichment"]["strategy"] == "splice"
        check_table(world, "spliced", symbol, {file: table})

    return delivery(world, file, check)


def spliced_quarantine(world: World, symbol: str) -> Trial:
    """A file that is spliced without its first three rows, which have no regime."""
    table = rows(symbol, 6, FIRST_REGIME - timedelta(days=3))
    file = world.drop("spliced", symbol, table)

    def check() -> None:
        report = check_report(world, file, "success")
        assert report["enrichment"]["strategy"] == "splice"
        check_table(world, "spliced", symbol, {file: table.slice(3)})
        assert world.quarantined(file) == rows_of(table.slice(0, 3))

    return delivery(world, file, check)


def refused_splice(world: World, symbol: str) -> Trial:
    """A spliced file of two parts, the first of which BigQuery refuses, so that it is rewritten."""
    table = rows(symbol, 7)
    file = world.drop("spliced", symbol, table)
    start_again(world)
    world.rules(fail_next_loads=["invalid"])

    def check() -> None:
        report = check_report(world, file, "success")
        assert report["enrichment"]["strategy"] == "rewrite"
        assert "was rewritten" in report["warnings"][-1]
        assert [job["id"][-4:] for job in report["load_jobs"]] == ["e1_0", "_1_0"]
        check_table(world, "spliced", symbol, {file: table})

    return delivery(world, file, check)


def upsert(world: World, symbol: str) -> Trial:
    """A file of two parts that corrects three of another's six days, and adds three."""
    old, new = rows(symbol, 6), rows(symbol, 6, FIRST_DAY + timedelta(days=3), price=2.5)
    first = world.drop("upserted", symbol, old)
    finish(world, first)
    second = world.drop("upserted", f"{symbol} corrected", new)

    def check() -> None:
        report = check_report(world, second, "success")
        assert (report["rows_inserted"], report["rows_updated"]) == (3, 3)
        check_table(world, "upserted", symbol, {first: old.slice(0, 3), second: new})

    return delivery(world, second, check)


def duplicate_content(world: World, symbol: str) -> Trial:
    """The bytes of a file that was loaded, under another name."""
    table = rows(symbol, 5)
    first = world.drop("appended", symbol, table)
    finish(world, first)
    second = world.drop("appended", f"{symbol} copy", table)

    def check() -> None:
        check_report(world, second, "skipped", "duplicate_content")
        check_table(world, "appended", symbol, {first: table})

    return delivery(world, second, check)


def duplicate_of_a_crashed_run(world: World, symbol: str) -> Trial:
    """The bytes of a file whose run was killed after it had marked them as its own."""
    table = rows(symbol, 5)
    first = world.drop("appended", symbol, table)
    start_again(world)
    kill = Fault(then=world.function.kill)
    world.faults.plan(
        lambda number, request: kill if "/o/staged" in request and "alt=media" in request else None
    )
    assert not world.function.deliver(first)
    second = world.drop("appended", f"{symbol} copy", table)

    def check() -> None:
        check_report(world, first, "success")
        check_report(world, second, "skipped", "duplicate_content")
        check_table(world, "appended", symbol, {first: table})

    return delivery(world, second, check)


def content_of_a_failed_run(world: World, symbol: str) -> Trial:
    """The bytes of a file that BigQuery refused, dropped again once that is fixed."""
    table = rows(symbol, 3)
    first = world.drop("appended", symbol, table)
    start_again(world)
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(first)
    second = world.drop("appended", f"{symbol} again", table)

    def check() -> None:
        check_report(world, first, "failed", "load_failed")
        check_report(world, second, "success")
        check_table(world, "appended", symbol, {second: table})

    return delivery(world, second, check)


CASES: Mapping[str, Case] = {
    case.__name__: case
    for case in (
        success,
        quarantine,
        failed_file,
        two_parts,
        slow_load,
        retried_load,
        refused_part,
        spliced,
        spliced_quarantine,
        refused_splice,
        upsert,
        duplicate_content,
        duplicate_of_a_crashed_run,
        content_of_a_failed_run,
    )
}
