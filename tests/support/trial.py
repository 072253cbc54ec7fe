"""What can be interrupted and made again, and how it is looked at afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from support.world import Rows, World, rows_of


@dataclass(frozen=True)
class Trial:
    """A case that is ready to be interrupted.

    `act` makes the request and says whether it was acknowledged; it may be made again. `check` asserts what
    must hold as soon as it was. `reports` are prefixes of objects that nothing may change once they exist.
    """

    act: Callable[[], bool]
    check: Callable[[], None]
    reports: tuple[str, ...]


Case = Callable[[World, str], Trial]


def delivery(world: World, file: StagedFile, check: Callable[[], None]) -> Trial:
    return Trial(lambda: world.function.deliver(file), check, (Outputs.report(file),))


def start_again(world: World) -> None:
    world.faults.clear()
    world.function.restart()


def finish(world: World, file: StagedFile) -> None:
    """Bring a file to its report, undisturbed."""
    start_again(world)
    assert world.function.deliver(file)


def check_report(world: World, file: StagedFile, status: str, reason: str | None = None) -> dict[str, Any]:
    report = world.cloud.read_report(file)
    assert report is not None, f"{file.uri} has no report"
    assert (report["status"], report["reason"]) == (status, reason), report["message"]
    return report


def check_table(world: World, feed: str, symbol: str, expected: Mapping[StagedFile, pa.Table]) -> None:
    wanted = {file.run_id: rows_of(table) for file, table in expected.items()}
    found = world.in_table(feed, symbol)
    assert found == wanted, _differences(found, wanted)


def _differences(found: Mapping[str, Rows], wanted: Mapping[str, Rows]) -> str:
    too_many = {run: found[run] - wanted.get(run, Rows()) for run in found}
    missing = {run: wanted[run] - found.get(run, Rows()) for run in wanted}
    return f"too many: {_shown(too_many)}; missing: {_shown(missing)}"


def _shown(by_run: Mapping[str, Rows]) -> dict[str, list[tuple[date, float, int]]]:
    return {
        run: [(day, price, count) for (_, day, price), count in found.items()]
        for run, found in by_run.items()
        if found
    }
