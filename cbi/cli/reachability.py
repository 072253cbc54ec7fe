"""Saying within seconds that a service cannot be reached, which the clients try for minutes."""

import socket
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies

import click

from cbi.settings import Settings

_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}


def tell_what_is_unreachable(settings: Settings) -> None:
    """Look beside the command, which goes on, whether the services answer; say it of each that does not."""
    services = {
        "Cloud Storage": settings.storage_emulator_host or "https://storage.googleapis.com",
        "BigQuery": settings.bigquery_emulator_host or "https://bigquery.googleapis.com",
    }
    proxies = getproxies()
    for name, url in services.items():
        if (
            urlsplit(url).scheme not in proxies
        ):  # through a proxy a service is reached that does not answer here
            Thread(target=_look, args=(name, url), daemon=True).start()


def _look(name: str, url: str) -> None:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or _PORTS[parts.scheme]), _SECONDS).close()
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        click.echo(
            f"waiting for {name}: {url} cannot be reached ({reason}); trying again for minutes", err=True
        )
