"""Validation of objects where they lie, without loading them."""

import re
from collections.abc import Iterator
from functools import partial

from cbi.clients import storage_client
from cbi.contract import DEFAULT_FEED
from cbi.errors import InvalidFile, InvalidInput
from cbi.events import is_staged
from cbi.findings import ValidationReport
from cbi.gcs.identity import StagedFile, split_uri
from cbi.gcs.reader import RangedReader
from cbi.gcs.store import ObjectStore
from cbi.ops.check import FileVerdict, check_content
from cbi.runs.feed_name import feed_name
from cbi.settings import Settings

_WILDCARD = re.compile(r"\*\*/?|\*|\?")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def open_store() -> ObjectStore:
    """The buckets that the environment's credentials open. Raises Misconfigured."""
    return ObjectStore(storage_client(Settings.from_environment()))


def check_objects(
    store: ObjectStore, uri: str, feed: str = DEFAULT_FEED
) -> Iterator[tuple[str, FileVerdict]]:
    """Validate the parquet objects that a `gs://` URI names: one, a folder, or by `*`, `**` and `?` many.

    A staged object is held against the contract of its folder, any other against that of `feed`. Raises
    InvalidInput where there is none, Transient and Misconfigured.
    """
    bucket, pattern = split_uri(uri)
    objects = find_objects(store, bucket, pattern)
    if not objects:
        raise InvalidInput(f"{uri} names no parquet object; give one, a folder of some, or gs://BUCKET/…/**")
    for file in objects:
        name = feed_name(file) if is_staged(file.name) else feed
        try:
            reader = RangedReader(partial(store.read_range, file), store.stat(file).size)
            with reader.open() as content:
                yield file.uri, check_content(content, name, file.name)
        except InvalidFile as error:
            yield file.uri, FileVerdict("failed", error.reason, str(error), ValidationReport(), ())


def find_objects(store: ObjectStore, bucket: str, pattern: str) -> list[StagedFile]:
    """The live parquet objects of a name, under a folder, or of names like a pattern."""
    if pattern.endswith("/") or not pattern:
        pattern += "**"
    first = _WILDCARD.search(pattern)
    prefix = pattern if first is None else pattern[: first.start()]
    wanted = re.compile(_WILDCARD.sub(lambda found: _MEANING[found[0]], _escaped(pattern)))
    return [
        listed.file
        for listed in store.list(bucket, prefix)
        if wanted.fullmatch(listed.file.name) and listed.file.name.lower().endswith(".parquet")
    ]


def _escaped(pattern: str) -> str:
    """A pattern in which nothing but the wildcards means anything to a regular expression."""
    return re.sub(r"[^\w/*?]", lambda found: re.escape(found[0]), pattern)
