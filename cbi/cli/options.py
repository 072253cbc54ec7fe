"""Options and output that commands share."""

import click
import msgspec

from cbi.contract import DEFAULT_FEED

feed_option = click.option(
    "--feed", default=DEFAULT_FEED, show_default=True, help="The contract that a local FILE belongs to."
)


def echo_json(value: object) -> None:
    """Print a dataclass, or what JSON has a form for, as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
