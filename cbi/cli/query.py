"""`python -m cbi query SQL`."""

import click

from cbi.cli.options import json_option
from cbi.cli.output import console, echo_json, for_people
from cbi.cli.reachability import tell_what_is_unreachable
from cbi.settings import Settings


@click.command()
@click.argument("sql")
@json_option
def query(sql: str, as_json: bool) -> None:
    """Run SQL in BigQuery and print its rows: 'SELECT * FROM features.daily_ml_matrix LIMIT 5'."""
    from cbi.ops.query import query as run_query

    settings = Settings.from_environment()
    tell_what_is_unreachable(settings)
    names, rows = run_query(settings, sql)
    if not for_people(as_json):
        return echo_json([dict(zip(names, row, strict=True)) for row in rows])
    from cbi.view.terminal import rows_text
    from cbi.wording import counted

    found = list(rows)
    if found:
        console().print(rows_text(names, found))
    click.echo(counted(len(found), "row", "rows"))
    return None
