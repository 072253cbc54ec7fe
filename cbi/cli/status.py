"""`python -m cbi status`."""

from typing import TYPE_CHECKING

import click

from cbi.cli.cloud import open_pipeline
from cbi.cli.options import json_option
from cbi.cli.output import console, echo_json, for_people

if TYPE_CHECKING:
    from cbi.ops.status import Status


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show how the deployment is: what waits, the last 24 hours by feed, the calendar's end, quotas used."""
    from cbi.ops.status import status as find_status

    found = find_status(open_pipeline())
    if for_people(as_json):
        _print(found)
    else:
        echo_json(found)


def _print(found: "Status") -> None:
    from cbi.ops.status import LOADS_PER_DAY, PARTITIONS_PER_DAY
    from cbi.view.runs import ago, columns, runs_text

    screen = console()
    screen.print(_sweep(found))
    if found.calendar_end is None:
        screen.print("calendar   empty: no row has a regime; run regimes --apply")
    else:
        days = (found.calendar_end - found.at.date()).days
        screen.print(f"calendar   ends {found.calendar_end}, in {days:,} days")
    for table in found.tables:
        screen.print(
            f"quota      {table.table}: {table.load_jobs:,} of {LOADS_PER_DAY:,} load jobs,"
            f" {table.partitions:,} of {PARTITIONS_PER_DAY:,} partition changes in 24 h, by the reports"
        )
    numbers = ("runs", "failed", "loaded", "quarantined")
    feeds = columns("feed", *numbers, "last run", right=numbers)
    for feed in found.feeds:
        counts = (feed.runs, feed.failed, feed.rows_loaded, feed.rows_quarantined)
        last = ago(feed.last_finished_at, found.at) if feed.last_finished_at else ""
        feeds.add_row(feed.feed, *(f"{count:,}" for count in counts), last)
    if found.feeds:
        screen.print("\nthe last 24 hours", feeds, sep="\n")
    else:
        screen.print("\nno runs in the last 24 hours")
    if found.ignored:
        names = ", ".join(each.name for each in found.ignored)
        screen.print(f"\nignored last, as they do not end in .parquet: {names}")
    if found.failures:
        screen.print("\nfailed last", runs_text(found.failures, found.at), sep="\n")


def _sweep(found: "Status") -> str:
    from cbi.view.runs import ago
    from cbi.wording import counted, duration

    sweep = found.last_sweep
    if sweep is None:
        return "pending    unknown: there was no sweep since yesterday; run sweep, or look at Cloud Scheduler"
    waiting = sweep.left + sweep.failed
    files = counted(waiting, "file", "files")
    old = sweep.oldest_age_seconds
    age = f", the oldest {duration(old)} old" if waiting and old is not None else ""
    return f"pending    {files} without a report{age}, by the sweep {ago(sweep.started_at, found.at)}"
