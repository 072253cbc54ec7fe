"""The contract of a feed: its table, key, nested schema, sources and checks, read from one YAML file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from cbi.errors import Misconfigured

DEFAULT_FEED = "daily_ml_matrix"

_FOLDER = Path(__file__).parent / "feeds"

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}
"""How each type of the contract is written to parquet, so that BigQuery loads it as that very type.

https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#parquet_conversions
"""

# The names of the older SQL dialect, which `bq show --schema` still prints.
_TYPE_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}

ENRICHMENTS: Mapping[str, str] = {
    "regime": "STRING",
    "weight": "INT64",
    "finalized_at": "TIMESTAMP",
    "run_id": "STRING",
}
"""What can fill a leaf instead of a file's column, and the type that leaf must have."""

_KEYS = {
    "description",
    "table",
    "key",
    "partition_by",
    "cluster_by",
    "enrich",
    "checks",
    "batch_rows",
    "schema",
}


@dataclass(frozen=True)
class Field:
    """A column of the table or a field of a STRUCT, in the form of BigQuery's table schema."""

    name: str
    type: str
    mode: str = "NULLABLE"
    description: str = ""
    source: str | None = None
    fields: tuple["Field", ...] = ()

    @property
    def required(self) -> bool:
        return self.mode == "REQUIRED"

    def to_api(self) -> dict[str, Any]:
        """The field as BigQuery's REST API writes it (a TableFieldSchema)."""
        api: dict[str, Any] = {"name": self.name, "type": self.type, "mode": self.mode}
        if self.description:
            api["description"] = self.description
        if self.fields:
            api["fields"] = [field.to_api() for field in self.fields]
        return api

    def to_arrow(self) -> pa.Field:
        """The field as it is written to parquet. STRUCTs are never NULL themselves, so not nullable."""
        if self.type == "STRUCT":
            return pa.field(self.name, pa.struct([f.to_arrow() for f in self.fields]), nullable=False)
        return pa.field(self.name, ARROW_TYPES[self.type], nullable=not self.required)


@dataclass(frozen=True)
class Leaf:
    """A scalar of the schema, and where its values come from: a file's column or an enrichment."""

    path: str
    field: Field
    source: str | None
    enrichment: str | None


@dataclass(frozen=True)
class DateBounds:
    """The first and last date (both included) a feed accepts."""

    column: str
    min: date
    max: date


@dataclass(frozen=True)
class Feed:
    """A feed's contract. `table` is `dataset.table`; columns of `key` are those of the staged file."""

    name: str
    table: str
    key: tuple[str, ...]
    schema: tuple[Field, ...]
    partition_by: str | None = None
    cluster_by: tuple[str, ...] = ()
    date_bounds: DateBounds | None = None
    batch_rows: int | None = None
    description: str = ""
    enrich: tuple[tuple[str, str], ...] = ()

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every scalar of the schema, depth first, in the table's order."""
        enrich = dict(self.enrich)

        def walk(fields: Sequence[Field], prefix: str) -> Iterator[Leaf]:
            for field in fields:
                path = prefix + field.name
                if field.fields:
                    yield from walk(field.fields, path + ".")
                elif path in enrich:
                    yield Leaf(path, field, None, enrich[path])
                else:
                    yield Leaf(path, field, field.source or field.name, None)

        return tuple(walk(self.schema, ""))

    @cached_property
    def sources(self) -> Mapping[str, Leaf]:
        """The leaf that each column of a staged file fills."""
        return {leaf.source: leaf for leaf in self.leaves if leaf.source is not None}

    @cached_property
    def required_columns(self) -> tuple[str, ...]:
        """The columns a staged file must have, without NULLs."""
        return tuple(name for name, leaf in self.sources.items() if leaf.field.required)

    @cached_property
    def date_column(self) -> str | None:
        """The staged file's column that says which partition and which regime a row belongs to."""
        by_path = {leaf.path: leaf.source for leaf in self.leaves}
        return by_path[self.partition_by] if self.partition_by else None

    @property
    def needs_regime(self) -> bool:
        return any(kind in ("regime", "weight") for _, kind in self.enrich)

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The nested schema that is written to parquet, in the table's order."""
        return pa.schema([field.to_arrow() for field in self.schema])


def feed_names() -> list[str]:
    """The feeds there are: one YAML file each in `cbi/feeds/`."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


@cache
def load_feed(name: str) -> Feed:
    """Read a feed's contract. Raises KeyError for an unknown name and Misconfigured for a bad contract."""
    if name not in feed_names():
        raise KeyError(name)
    return parse_feed(name, yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))


def parse_feed(name: str, definition: Mapping[str, Any]) -> Feed:
    """Make a Feed of a YAML file's content. Raises Misconfigured, naming the key, when it is not sound."""
    if unknown := set(definition) - _KEYS:
        raise Misconfigured(f"feed {name}: unknown keys {sorted(unknown)}; known are {sorted(_KEYS)}")
    try:
        bounds = definition.get("checks", {}).get("date_range")
        feed = Feed(
            name=name,
            description=definition.get("description", ""),
            table=definition["table"],
            key=tuple(definition["key"]),
            partition_by=definition.get("partition_by"),
            cluster_by=tuple(definition.get("cluster_by", ())),
            enrich=tuple(definition.get("enrich", {}).items()),
            date_bounds=DateBounds(**bounds) if bounds else None,
            batch_rows=definition.get("batch_rows"),
            schema=tuple(_parse_field(field, name) for field in definition["schema"]),
        )
    except KeyError as error:
        raise Misconfigured(f"feed {name}: the key {error} is missing") from error
    for problem in _problems(feed):
        raise Misconfigured(f"feed {name}: {problem}")
    return feed


def _parse_field(definition: Mapping[str, Any], feed: str) -> Field:
    name = definition["name"]
    field_type = _TYPE_ALIASES.get(definition["type"], definition["type"])
    if field_type not in ARROW_TYPES and field_type != "STRUCT":
        wanted = ", ".join([*ARROW_TYPES, "STRUCT"])
        raise Misconfigured(f"feed {feed}: field {name} has type {field_type}; known are {wanted}")
    mode = definition.get("mode", "NULLABLE")
    if mode not in ("NULLABLE", "REQUIRED"):
        raise Misconfigured(f"feed {feed}: field {name} has mode {mode}; known are NULLABLE and REQUIRED")
    return Field(
        name=name,
        type=field_type,
        mode=mode,
        description=definition.get("description", ""),
        source=definition.get("source"),
        fields=tuple(_parse_field(field, feed) for field in definition.get("fields", ())),
    )


def _problems(feed: Feed) -> Iterator[str]:
    """What a contract says that cannot be done, one sentence each."""
    if feed.table.count(".") != 1:
        yield f"table is {feed.table!r}; it must be dataset.table"
    for field in feed.schema:
        if (field.type == "STRUCT") != bool(field.fields):
            yield f"field {field.name} is {field.type}; a STRUCT has fields and nothing else has"
    leaves = {leaf.path: leaf for leaf in feed.leaves}
    for path, kind in feed.enrich:
        if path not in leaves:
            yield f"enrich names {path}, which the schema does not have"
        elif kind not in ENRICHMENTS:
            yield f"enrich fills {path} with {kind}; known are {', '.join(ENRICHMENTS)}"
        elif leaves[path].field.type != ENRICHMENTS[kind]:
            yield f"enrich fills {path} with {kind}, so its type must be {ENRICHMENTS[kind]}"
    from_file = [leaf for leaf in feed.leaves if leaf.source is not None]
    if len(from_file) != len(feed.sources):
        twice = [leaf.source for leaf in from_file if feed.sources[leaf.source or ""] is not leaf]
        yield f"the columns {twice} are the source of more than one leaf"
    for column in feed.key:
        if column not in feed.required_columns:
            yield f"the key's column {column} must be a REQUIRED column of the file"
    if feed.partition_by:
        leaf = leaves.get(feed.partition_by)
        if leaf is None or leaf.field.type != "DATE" or not leaf.field.required or leaf.source is None:
            yield f"partition_by is {feed.partition_by}; it must be a REQUIRED DATE column of the file"
    elif feed.needs_regime:
        yield "enrich wants a regime, so partition_by must name the date that has it"
    if feed.date_bounds and feed.date_bounds.column not in feed.required_columns:
        yield f"checks.date_range names {feed.date_bounds.column}, which is not a REQUIRED column"
    if feed.batch_rows is not None and feed.batch_rows < 1:
        yield f"batch_rows is {feed.batch_rows}; it must be at least 1, or absent for one load job a file"
