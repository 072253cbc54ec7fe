"""What a feed's contract may not say, because it could not be done."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cbi.enrichments.enrichment import Basis
from cbi.enrichments.registry import ENRICHMENTS
from cbi.settings import ENRICH_WAYS

if TYPE_CHECKING:
    from cbi.contract.feed import Feed


def find_problems(feed: "Feed") -> Iterator[str]:
    """What a contract says that cannot be done, one sentence each."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", feed.name):
        yield "its file's name must be lowercase letters, digits, _ and -, as it goes into labels and job ids"
    if feed.table.count(".") != 1:
        yield f"table is {feed.table!r}; it must be dataset.table"
    names: set[str] = set()
    for field in feed.schema:
        if field.name.lower() in names:
            name = field.name.lower()
            yield f"{name} is there twice; to BigQuery, names that differ only in case are the same"
        names.add(field.name.lower())
    leaves = {leaf.path: leaf for leaf in feed.leaves}
    for path, kind in feed.enrich:
        if path not in leaves:
            yield f"enrich names {path}, which the schema does not have"
        elif kind not in ENRICHMENTS:
            yield f"enrich fills {path} with {kind}; known are {', '.join(ENRICHMENTS)}"
        elif leaves[path].field.type != ENRICHMENTS[kind].field_type:
            yield f"enrich fills {path} with {kind}, so its type must be {ENRICHMENTS[kind].field_type}"
    from_file = [leaf for leaf in feed.leaves if leaf.source is not None]
    if len(from_file) != len(feed.sources):
        twice = [leaf.source for leaf in from_file if feed.sources[leaf.source or ""] is not leaf]
        yield f"the columns {twice} are the source of more than one leaf"
    if not feed.key:
        yield "key is empty; it must name the columns that no two rows may share"
    for column in feed.cluster_by:
        if column not in leaves or "." in column:
            yield f"cluster_by names {column}, which is not a top-level column"
    for column in feed.key:
        if column not in feed.required_columns:
            yield f"the key's column {column} must be a REQUIRED column of the file"
        elif feed.sources[column].field.type in ("BYTES", "FLOAT64"):
            yield f"the key's column {column} is {feed.sources[column].field.type}, which is no good as a key"
    if feed.partition_by:
        leaf = leaves.get(feed.partition_by)
        if leaf is None or leaf.field.type != "DATE" or not leaf.field.required or leaf.source is None:
            yield f"partition_by is {feed.partition_by}; it must be a REQUIRED DATE column of the file"
    elif feed.needs_regime:
        yield "enrich wants a regime, so partition_by must name the date that has it"
    elif Basis.DATE in feed.enrichment_bases:
        yield "enrich wants a date, so partition_by must name it"
    if feed.date_bounds:
        column = feed.date_bounds.column
        if column not in feed.required_columns or feed.sources[column].field.type != "DATE":
            yield f"checks.date_range names {column}, which is not a REQUIRED column of type DATE"
    if feed.write not in ("append", "upsert"):
        yield f"write is {feed.write!r}; it must be append or upsert"
    if feed.check_existing_keys not in ("warn", "fail", "off"):
        yield f"check_existing_keys is {feed.check_existing_keys!r}; it must be warn, fail or off"
    if feed.enrich_way not in (None, *ENRICH_WAYS):
        yield f"enrich_way is {feed.enrich_way!r}; it must be {', '.join(ENRICH_WAYS)}"
    hours = feed.expect_every_hours
    if hours is not None and not (isinstance(hours, int | float) and hours > 0):
        yield f"expect_every_hours is {hours!r}; it must be a number of hours above 0"
    if not isinstance(feed.dedupe_content, bool):
        yield f"dedupe_content is {feed.dedupe_content!r}; it must be true or false"
    if feed.batch_rows is not None and (not isinstance(feed.batch_rows, int) or feed.batch_rows < 1):
        yield f"batch_rows is {feed.batch_rows}; it must be at least 1, or absent for one load job a file"
