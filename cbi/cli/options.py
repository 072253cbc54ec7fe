"""Options that commands share."""

import click

from cbi.contract import DEFAULT_FEED

feed_option = click.option(
    "--feed", default=DEFAULT_FEED, show_default=True, help="The contract that a local FILE belongs to."
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, as happens anyway where the output is no terminal."
)
