"""Replays, undoings and sweeps: for each case what comes before, what is asked, and how it must end."""

from collections.abc import Mapping
from datetime import timedelta

from cbi.gcs.outputs import Outputs
from support.function_process import SWEEP
from support.trial import Case, Trial, check_report, check_table, finish, start_again
from support.world import FIRST_DAY, World, rows


def replay(world: World, symbol: str) -> Trial:
    """Quarantined rows that have a regime by now."""
    table = rows(symbol, 7, FIRST_DAY)
    file = world.drop("appended", symbol, table)
    world.apply_regimes(FIRST_DAY + timedelta(days=3))
    finish(world, file)
    world.apply_regimes()
    name = Outputs.quarantine(file)

    def check() -> None:
        replayed = world.newest(name)
        assert replayed is not None
        check_report(world, replayed, "success")
        check_table(world, "appended", symbol, {file: table.slice(3), replayed: table.slice(0, 3)})

    reports = (Outputs.report(file), f"reports/{name}/")
    return Trial(lambda: world.function.run("replay", file.run_id), check, reports)


def replay_of_a_refused_part(world: World, symbol: str) -> Trial:
    """The part of a file that BigQuery had refused."""
    table = rows(symbol, 7)
    file = world.drop("in_parts", symbol, table)
    start_again(world)
    world.rules(fail_next_loads=["invalid"])
    assert world.function.deliver(file)

    def check() -> None:
        check_report(world, file, "failed", "load_failed")
        check_table(world, "in_parts", symbol, {file: table})

    reports = (Outputs.report(file),)
    return Trial(lambda: world.function.run("replay", file.run_id), check, reports)


def undo(world: World, symbol: str) -> Trial:
    """A loaded file of two parts, taken back."""
    file = world.drop("in_parts", symbol, rows(symbol, 7))
    finish(world, file)

    def check() -> None:
        log = world.cloud.read_json(Outputs.log(file.run_id))
        assert log is not None
        assert log["entries"][-1]["rows_deleted"] == 7
        check_table(world, "in_parts", symbol, {})

    reports = (Outputs.report(file),)
    return Trial(lambda: world.function.run("undo", file.run_id), check, reports)


def sweep(world: World, symbol: str) -> Trial:
    """Two files whose events are lost, and what a finished run has left behind."""
    world.remove_outputs("enriched/")
    world.remove_outputs("pending/")
    tables = [rows(symbol, 2, FIRST_DAY + timedelta(days=2 * number)) for number in range(3)]
    files = [world.drop("appended", f"{symbol} {number}", table) for number, table in enumerate(tables)]
    finish(world, files[0])

    def act() -> bool:
        """A file that cannot be run now waits for the next sweep."""
        return world.function.post(SWEEP, {}) and all(world.cloud.read_report(file) for file in files)

    def check() -> None:
        for file in files:
            check_report(world, file, "success")
        check_table(world, "appended", symbol, dict(zip(files, tables, strict=True)))
        assert not world.generations(f"enriched/{files[0].run_id}")

    return Trial(act, check, tuple(Outputs.report(file) for file in files))


CASES: Mapping[str, Case] = {
    case.__name__: case
    for case in (
        replay,
        replay_of_a_refused_part,
        undo,
        sweep,
    )
}
