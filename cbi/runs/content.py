"""The same bytes again: which run took a content first, marked by an object that is only ever created.

A marker is the only thing here that one run leaves for another, so it must never block: whoever meets the
marker of a run without a report finishes that run itself, and a marker whose run has failed counts for
nothing and is taken over. A failed run whose load is to be tried again takes its content like any other,
and writes beside its name how often it may have been refused: whoever meets that marker makes the same
attempts, and takes it over only when they are over too.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from cbi.contract.feed import Feed
from cbi.errors import InvalidFile, Reason
from cbi.gcs.identity import StagedFile, content_name, finish_name, undo_name
from cbi.gcs.store import JSON, ObjectStore, StagedObject
from cbi.runs.report import Report

Finish = Callable[[StagedFile, int], Report]
"""Brings a run to its end, whose load may have been refused so many times before, and gives its report."""


@dataclass(frozen=True)
class Marker:
    """`replays` counts those of all owners; a count that starts again would name attempts that are over."""

    owner: StagedFile
    md5: str | None = None
    replays: int = 0
    replayed: bool = False


def claim_content(
    store: ObjectStore, output_bucket: str, staged: StagedObject, feed: Feed, finish: Finish
) -> str:
    """Mark a content as taken by this run, and give the marker's name.

    Raises InvalidFile, naming the first run, where that has loaded the same bytes.
    """
    name = content_name(feed.name, staged.size, staged.crc32c)
    mine = Marker(staged.file, staged.md5)
    while not _create(store, output_bucket, name, mine):
        found = store.read_versioned_json(output_bucket, name)
        if found is None:
            continue
        marker, generation = msgspec.convert(found[0], Marker), found[1]
        if marker.owner == staged.file or _differ(marker.md5, staged.md5):
            break
        _refuse_if_loaded(store, output_bucket, marker, finish)
        if _replace(store, output_bucket, name, replace(mine, replays=marker.replays), generation):
            break
    return name


def claim_replay(store: ObjectStore, output_bucket: str, name: str, owner: StagedFile, finish: Finish) -> int:
    """Take a marker for another try of a run that was refused; give how many refusals that is to pass over.

    Raises InvalidFile, naming the run, where another has loaded the same bytes since.
    """
    while True:
        found = store.read_versioned_json(output_bucket, name)
        if found is None:
            if _create(store, output_bucket, name, Marker(owner, replays=1, replayed=True)):
                return 1
            continue
        marker, generation = msgspec.convert(found[0], Marker), found[1]
        if marker.owner != owner:
            _refuse_if_loaded(store, output_bucket, marker, finish)
        mine = replace(marker, owner=owner, replays=marker.replays + 1, replayed=True)
        if _replace(store, output_bucket, name, mine, generation):
            return mine.replays


def _create(store: ObjectStore, output_bucket: str, name: str, marker: Marker) -> bool:
    return _replace(store, output_bucket, name, marker, generation=0)


def _replace(store: ObjectStore, output_bucket: str, name: str, marker: Marker, generation: int) -> bool:
    content = msgspec.json.encode(marker)
    return store.replace(output_bucket, name, content, JSON, generation)


def _differ(md5: str | None, other: str | None) -> bool:
    """Whether two contents of one size and CRC are known to differ; a composed object has no MD5."""
    return md5 is not None and other is not None and md5 != other


def _refuse_if_loaded(store: ObjectStore, output_bucket: str, marker: Marker, finish: Finish) -> None:
    owner = marker.owner
    report = finish(owner, marker.replays if marker.replayed else 0)
    if store.read_json(output_bucket, undo_name(owner.run_id)) is not None:
        return
    run = f"run {owner.run_id} ({owner.uri}, generation {owner.generation})"
    finished = store.read_json(output_bucket, finish_name(owner.run_id)) is not None
    if report.status == "success" or finished:
        raise InvalidFile(
            Reason.DUPLICATE_CONTENT,
            f"the same bytes were loaded by {run}; nothing of this file is loaded again. If it should be,"
            f" undo that run first: `python -m cbi undo {owner.run_id}`",
        )
    if report.rows_loaded:
        raise InvalidFile(
            Reason.PARTLY_LOADED,
            f"the same bytes were loaded in part by {run}; finish that with `python -m cbi replay"
            f" {owner.run_id}` or take it back with `python -m cbi undo {owner.run_id}`",
        )
