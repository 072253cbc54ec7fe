"""Contracts that are changed, and written as files."""

import copy
from pathlib import Path
from typing import Any

ABSENT = object()
"""In place of a value: the key is not there."""


def changed(contract: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A contract with another value at a path, or without that key."""
    if not path:
        return value
    contract = copy.deepcopy(contract)
    *parents, last = path
    inner = contract
    for step in parents:
        inner = inner[step]
    if value is ABSENT:
        del inner[last]
    elif isinstance(inner, list) and last == len(inner):
        inner.append(value)
    else:
        inner[last] = value
    return contract


def write_contract(folder: Path, text: str | bytes, name: str = "small") -> Path:
    file = folder / f"cbi/feeds/{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file
