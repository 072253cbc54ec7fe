"""JSON for people to read, in the one form that stored objects, reports and the command line have."""

from typing import Any

import msgspec


def indented(value: Any) -> bytes:
    """Frozen data, or JSON data, as indented JSON in UTF-8."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2)
