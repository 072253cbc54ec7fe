"""What a contract may not say though each value has the right shape: rules that need several of its keys."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from cbi.contract.feed import Feed, Field
from cbi.contract.problem import Path, Problem, dotted
from cbi.contract.source_rules import source_problems
from cbi.enrichments.enrichment import Basis, Role
from cbi.enrichments.registry import ENRICHMENTS

# https://cloud.google.com/bigquery/docs/nested-repeated#limitations and …/quotas#all_tables
_DEEPEST_STRUCT = 15
_MOST_COLUMNS = 10_000

# https://cloud.google.com/bigquery/docs/datasets#dataset-naming and …/docs/tables#table_naming
_DATASET_NAME = r"[A-Za-z0-9_]{1,1024}"
_TABLE_NAME_CATEGORIES = {"Pc", "Pd", "Zs"}
_LONGEST_TABLE_NAME_BYTES = 1_024


def find_problems(feed: Feed) -> Iterator[Problem]:
    """What a contract says that cannot be done, in the order of its keys."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", feed.name):
        wanted = "at most 63 lowercase letters, digits, _ and -, as it goes into labels and job ids"
        yield Problem((), f"is the contract of {feed.name!r}; that name must be {wanted}")
    yield from _table_problems(feed.table)
    yield from _field_problems(feed.schema, ("schema",))
    if len(feed.leaves) > _MOST_COLUMNS:
        yield Problem(("schema",), f"has {len(feed.leaves):,} columns; a table has at most {_MOST_COLUMNS:,}")
    yield from _enrich_problems(feed)
    yield from _rescue_problems(feed)
    yield from _source_problems(feed)
    yield from _object_name_problems(feed)
    yield from _key_problems(feed)
    yield from _upsert_problems(feed)
    yield from _layout_problems(feed)
    yield from _date_range_problems(feed)
    yield from _check_problems(feed)
    if feed.keep_duplicate != "none" and not feed.quarantines_invalid_rows:
        wanted = "invalid_rows must be quarantine, or no row of a file with duplicates is loaded"
        yield Problem(("keep_duplicate",), f"is {feed.keep_duplicate!r}; then {wanted}")


def _table_problems(name: str) -> Iterator[Problem]:
    dataset, dot, table = name.partition(".")
    if not dot or not re.fullmatch(_DATASET_NAME, dataset):
        wanted = "dataset.table, where the dataset is letters (a-z, A-Z), digits and _"
        yield Problem(("table",), f"is {name!r}; it must be {wanted}")
    elif (
        not table
        or len(table.encode(errors="replace")) > _LONGEST_TABLE_NAME_BYTES
        or not all(map(_may_name_a_table, table))
    ):
        wanted = "dataset.table, where the table is letters, digits, _, - and spaces, at most 1,024 bytes"
        yield Problem(("table",), f"is {name!r}; it must be {wanted}")


def _may_name_a_table(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LMN" or category in _TABLE_NAME_CATEGORIES


def _field_problems(fields: Sequence[Field], path: Path, depth: int = 0) -> Iterator[Problem]:
    if fields and depth > _DEEPEST_STRUCT:
        yield Problem(
            path, f"is in more than {_DEEPEST_STRUCT} STRUCTs, which is as deep as they may be nested"
        )
        return
    first: dict[str, Path] = {}
    for number, field in enumerate(fields):
        here = (*path, number)
        if twin := first.get(field.name.lower()):
            wanted = "to BigQuery, names that differ only in case are the same"
            yield Problem((*here, "name"), f"is {field.name!r}, as {dotted(twin)} is; {wanted}")
        first.setdefault(field.name.lower(), (*here, "name"))
        if field.type == "STRUCT" and not field.fields:
            yield Problem(here, f"is {field.name!r}, a STRUCT without fields; it must have some")
        if field.type != "STRUCT" and field.fields:
            yield Problem(
                (*here, "fields"), f"is there although the type is {field.type}; only a STRUCT has fields"
            )
        yield from source_problems(field, here)
        yield from _field_problems(field.fields, (*here, "fields"), depth + 1)


def _enrich_problems(feed: Feed) -> Iterator[Problem]:
    leaves = {leaf.path: leaf for leaf in feed.leaves}
    for leaf_path, kind in feed.enrich.items():
        path = ("enrich", leaf_path)
        if leaf_path not in leaves:
            yield Problem(path, "names no column of the schema, and no field of a STRUCT, that has a value")
        elif kind not in ENRICHMENTS:
            yield Problem(path, f"is {kind!r}; it must be one of {', '.join(ENRICHMENTS)}")
        elif (found := leaves[leaf_path].field.type) != (wanted := ENRICHMENTS[kind].field_type):
            yield Problem(path, f"is {kind!r}, which is {wanted}; the schema says {found}")


def _rescue_problems(feed: Feed) -> Iterator[Problem]:
    has_leaf = Basis.UNKNOWN_COLUMNS in feed.enrichment_bases
    if feed.unknown_columns == "rescue" and not has_leaf:
        wanted = "enrich must name a STRING that they go to, as in `others: unknown_columns`"
        yield Problem(("unknown_columns",), f"is rescue; then {wanted}")
    if has_leaf and feed.unknown_columns != "rescue":
        yield Problem(("enrich",), "wants unknown columns; then unknown_columns must be rescue")


def _source_problems(feed: Feed) -> Iterator[Problem]:
    """A column of times may fill a second leaf that reads it otherwise, whose path is no column's name."""
    leaves = [leaf for leaf in _walk_leaves(feed.schema, ("schema",), "") if leaf[1] not in feed.enrich]
    columns = {field.source or field.name for _, _, field in leaves}
    first: dict[str, tuple[Path, Field]] = {}
    for path, leaf_path, field in leaves:
        source = field.source or field.name
        here = (*path, "source" if field.source else "name")
        there, other = first.setdefault(source, (here, field))
        otherwise = (field.type, field.times) != (other.type, other.times)
        of_times = {field.type, other.type} <= {"DATE", "TIMESTAMP"}
        if there != here and not (of_times and otherwise and leaf_path not in columns):
            yield Problem(here, f"takes the file's column {source!r}, which {dotted(there)} takes already")


def _object_name_problems(feed: Feed) -> Iterator[Problem]:
    if feed.dedupe_content and any(leaf.field.from_path is not None for leaf in feed.leaves):
        wanted = "it must be false where from_path makes other rows of the same bytes under another name"
        yield Problem(("dedupe_content",), f"is true; {wanted}")


def _walk_leaves(fields: Sequence[Field], path: Path, prefix: str) -> Iterator[tuple[Path, str, Field]]:
    for number, field in enumerate(fields):
        if field.fields:
            yield from _walk_leaves(field.fields, (*path, number, "fields"), f"{prefix}{field.name}.")
        else:
            yield (*path, number), prefix + field.name, field


def _key_problems(feed: Feed) -> Iterator[Problem]:
    for number, column in enumerate(feed.key):
        path = ("key", number)
        if column in feed.key[:number]:
            yield Problem(path, f"is {column!r}, which is there twice")
        elif column not in feed.required_columns:
            yield Problem(path, f"is {column!r}; it must be a REQUIRED column of the file")
        elif (found := feed.sources[column].field.type) in ("BYTES", "FLOAT64"):
            yield Problem(path, f"is {column!r}, which is {found}; it must be a type that compares exactly")
    if all(_needs_no_column(feed.sources[column].field) for column in feed.key if column in feed.sources):
        yield Problem(("key",), "has no column of the file; one of them at least must be one")


def _needs_no_column(field: Field) -> bool:
    return field.constant is not None or field.from_path is not None


def _upsert_problems(feed: Feed) -> Iterator[Problem]:
    """Files come in any order, and of those that were dropped first an older one must not win."""
    roles = {ENRICHMENTS[kind].role for kind in feed.enrich.values() if kind in ENRICHMENTS}
    if feed.write == "upsert" and Role.RECENCY not in roles:
        wanted = "then `enrich` must fill a column with finalized_at, which tells an older row from a newer"
        yield Problem(("write",), f"is 'upsert'; {wanted}")


def _layout_problems(feed: Feed) -> Iterator[Problem]:
    """How the table is partitioned and clustered."""
    leaves = {leaf.path: leaf for leaf in feed.leaves}
    if feed.partition_by is not None:
        leaf = leaves.get(feed.partition_by)
        if leaf is None or leaf.field.type != "DATE" or not leaf.field.required or leaf.source is None:
            wanted = "a REQUIRED DATE column of the file"
            yield Problem(("partition_by",), f"is {feed.partition_by!r}; it must be {wanted}")
    elif feed.needs_regime:
        yield Problem(("enrich",), "wants a regime; then partition_by must name the date that has it")
    elif Basis.DATE in feed.enrichment_bases:
        yield Problem(("enrich",), "wants a date; then partition_by must name it")
    columns = {field.name for field in feed.schema if not field.fields}
    for number, column in enumerate(feed.cluster_by):
        if column in feed.cluster_by[:number]:
            yield Problem(("cluster_by", number), f"is {column!r}, which is there twice")
        elif column not in columns:
            yield Problem(("cluster_by", number), f"is {column!r}; it must be a top-level column")


def _date_range_problems(feed: Feed) -> Iterator[Problem]:
    bounds, path = feed.date_bounds, ("checks", "date_range")
    if bounds is None:
        return
    if bounds.column not in feed.required_columns or feed.sources[bounds.column].field.type != "DATE":
        wanted = "a REQUIRED column of type DATE"
        yield Problem((*path, "column"), f"is {bounds.column!r}; it must be {wanted}")
    if bounds.min > bounds.max:
        yield Problem((*path, "max"), f"is {bounds.max}; it must not be before min, {bounds.min}")


def _check_problems(feed: Feed) -> Iterator[Problem]:
    types = {name: leaf.field.type for name, leaf in feed.sources.items()}
    for check, number, rule in feed.checks.rules():
        for path, text in rule.mistakes(types):
            yield Problem(("checks", check, number, *path), text)
