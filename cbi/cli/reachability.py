"""Saying within seconds that a service cannot be reached, which the clients try for minutes."""

from threading import Thread

import click

from cbi.ops.services import bigquery_url, storage_url, why_unreachable
from cbi.settings import Settings


def tell_what_is_unreachable(settings: Settings) -> None:
    """Look beside the command, which goes on, whether the services answer; say it of each that does not."""
    services = {"Cloud Storage": storage_url(settings), "BigQuery": bigquery_url(settings)}
    for name, url in services.items():
        Thread(target=_look, args=(name, url), daemon=True).start()


def _look(name: str, url: str) -> None:
    if reason := why_unreachable(url):
        click.echo(
            f"waiting for {name}: {url} cannot be reached ({reason}); trying again for minutes", err=True
        )
