"""`python -m cbi runs`."""

from datetime import UTC, datetime

import click

from cbi.cli.cloud import open_pipeline
from cbi.cli.moment import Moment
from cbi.cli.options import json_option
from cbi.cli.output import console, echo_json, for_people

_SHOWN = 20


@click.command()
@click.option(
    "--since", type=Moment(), help="Runs since then: today, yesterday, 3d, 12h, 2026-11-24. All of them."
)
@click.option("--failed", is_flag=True, help="Only those that failed.")
@click.option("--feed", help="Only those of this feed.")
@click.option("--limit", type=click.IntRange(min=1), help=f"At most this many; {_SHOWN} without --since.")
@json_option
def runs(since: datetime | None, failed: bool, feed: str | None, limit: int | None, as_json: bool) -> None:
    """List the runs there were, the newest first."""
    from cbi.ops.announce import history_of

    limit = limit or (None if since else _SHOWN)
    entries = history_of(open_pipeline()).newest(limit=limit, since=since, feed=feed, failed=failed)
    if not for_people(as_json):
        return echo_json(list(entries))
    from cbi.view.runs import runs_text

    found = list(entries)
    if found:
        console().print(runs_text(found, datetime.now(UTC)))
    click.echo("`show RUN` or `show FILE` tells all of one" if found else "there are no such runs")
    return None
