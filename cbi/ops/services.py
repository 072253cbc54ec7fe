"""Whether the services answer at all, which the clients would try for minutes."""

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies

from cbi.settings import Settings

_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}


def storage_url(settings: Settings) -> str:
    return settings.storage_emulator_host or "https://storage.googleapis.com"


def bigquery_url(settings: Settings) -> str:
    return settings.bigquery_emulator_host or "https://bigquery.googleapis.com"


def why_unreachable(url: str) -> str | None:
    """Why no connection can be made, after five seconds at most; None where one can, or may by a proxy."""
    parts = urlsplit(url)
    if parts.scheme in getproxies():  # through a proxy a service is reached that does not answer here
        return None
    try:
        socket.create_connection((parts.hostname or "", parts.port or _PORTS[parts.scheme]), _SECONDS).close()
    except OSError as error:
        return "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
    return None
