"""The same bytes again: which run took a content first, marked by an object that is only ever created.

A marker is the only thing here that one run leaves for another, so it must never block: whoever meets the
marker of a run without a report finishes that run itself, and a marker whose run has failed counts for
nothing and is taken over.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cbi.errors import InvalidFile, Reason
from cbi.feed import Feed
from cbi.identity import StagedFile, content_name, finish_name, undo_name
from cbi.jsonable import from_jsonable, to_jsonable
from cbi.storage import JSON, ObjectStore, StagedObject


@dataclass(frozen=True)
class _Marker:
    owner: StagedFile
    md5: str | None


def claim_content(
    store: ObjectStore,
    output_bucket: str,
    staged: StagedObject,
    feed: Feed,
    finish: Callable[[StagedFile], Any],
) -> None:
    """Mark a content as taken by this run. `finish` brings another run to its report.

    Raises InvalidFile, naming the first run, where that has loaded the same bytes.
    """
    name = content_name(feed.name, staged.size, staged.crc32c)
    mine = json.dumps(to_jsonable(_Marker(staged.file, staged.md5))).encode()
    while not store.create(output_bucket, name, mine, JSON):
        found = store.read_versioned_json(output_bucket, name)
        if found is None:
            continue
        marker, generation = from_jsonable(_Marker, found[0]), found[1]
        if marker.owner == staged.file or _differ(marker.md5, staged.md5):
            return
        _refuse_if_loaded(store, output_bucket, marker.owner, finish)
        if store.replace(output_bucket, name, mine, JSON, generation):
            return


def _differ(md5: str | None, other: str | None) -> bool:
    """Whether two contents of one size and CRC are known to differ; a composed object has no MD5."""
    return md5 is not None and other is not None and md5 != other


def _refuse_if_loaded(
    store: ObjectStore, output_bucket: str, owner: StagedFile, finish: Callable[[StagedFile], Any]
) -> None:
    report = store.read_json(output_bucket, owner.report_name)
    if report is None:
        finish(owner)
        report = store.read_json(output_bucket, owner.report_name) or {}
    if store.read_json(output_bucket, undo_name(owner.run_id)) is not None:
        return
    run = f"run {owner.run_id} ({owner.uri}, generation {owner.generation})"
    finished = store.read_json(output_bucket, finish_name(owner.run_id)) is not None
    if report.get("status") == "success" or finished:
        raise InvalidFile(
            Reason.DUPLICATE_CONTENT,
            f"the same bytes were loaded by {run}; nothing of this file is loaded again. If it should be,"
            f" undo that run first: `python -m cbi undo {owner.run_id}`",
        )
    if report.get("rows_loaded"):
        raise InvalidFile(
            Reason.PARTLY_LOADED,
            f"the same bytes were loaded in part by {run}; finish that with `python -m cbi replay"
            f" {owner.run_id}` or take it back with `python -m cbi undo {owner.run_id}`",
        )
