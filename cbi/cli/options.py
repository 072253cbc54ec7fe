"""Options and output that commands share."""

import json

import click

from cbi.contract.feed import DEFAULT_FEED
from cbi.jsonable import to_jsonable

feed_option = click.option(
    "--feed", default=DEFAULT_FEED, show_default=True, help="The contract that a local FILE belongs to."
)


def echo_json(value: object) -> None:
    """Print a dataclass, or what JSON has a form for, as indented JSON."""
    click.echo(json.dumps(to_jsonable(value), indent=2, ensure_ascii=False))
