"""The contract of a feed: its table, key, nested schema, sources and checks, read from one YAML file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from cbi.contract.rules import find_problems
from cbi.enrichments.enrichment import Basis
from cbi.enrichments.registry import ENRICHMENTS
from cbi.errors import InvalidFile, Misconfigured, Reason

DEFAULT_FEED = "daily_ml_matrix"

_FOLDER = Path(__file__).parents[1] / "feeds"
_TABLES = Path(__file__).parents[1] / "tables"

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

_FIELD_KEYS = {"name", "type", "mode", "description", "source", "fields"}
KEYS = {
    "description",
    "table",
    "key",
    "partition_by",
    "cluster_by",
    "enrich",
    "checks",
    "batch_rows",
    "enrich_way",
    "write",
    "dedupe_content",
    "check_existing_keys",
    "expect_every_hours",
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
    """A feed's contract. `table` is `dataset.table`; columns of `key` are those of the staged file.

    `enrich_way` overrides the setting of that name.
    """

    name: str
    table: str
    key: tuple[str, ...]
    schema: tuple[Field, ...]
    partition_by: str | None = None
    cluster_by: tuple[str, ...] = ()
    date_bounds: DateBounds | None = None
    batch_rows: int | None = None
    write: str = "append"
    dedupe_content: bool = True
    check_existing_keys: str = "warn"
    enrich_way: str | None = None
    expect_every_hours: float | None = None
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
    def enrichment_bases(self) -> set[Basis]:
        """What the enrichments' values are based on."""
        return {ENRICHMENTS[kind].based_on for _, kind in self.enrich if kind in ENRICHMENTS}

    @property
    def needs_regime(self) -> bool:
        return Basis.REGIME in self.enrichment_bases

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


def load_staged_feed(name: str) -> Feed:
    """Read the contract that a staged file's folder names. Raises InvalidFile when there is none."""
    try:
        return load_feed(name)
    except KeyError:
        message = (
            f"there is no feed called {name!r}; drop the file under staged/<feed>/, where <feed> is one of"
            f" {', '.join(feed_names())}"
        )
        raise InvalidFile(Reason.UNKNOWN_FEED, message) from None


@cache
def other_tables() -> tuple[Feed, ...]:
    """The contracts of the tables that no file is loaded into: one YAML file each in `cbi/tables/`."""
    return tuple(
        parse_feed(path.stem, yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(_TABLES.glob("*.yaml"))
    )


def parse_feed(name: str, definition: Mapping[str, Any]) -> Feed:
    """Make a Feed of a YAML file's content. Raises Misconfigured, naming the key, when it is not sound."""
    try:
        _refuse_unknown_keys("", definition, KEYS)
        feed = Feed(
            name=name,
            description=definition.get("description", ""),
            table=definition["table"],
            key=tuple(definition["key"]),
            partition_by=definition.get("partition_by"),
            cluster_by=tuple(definition.get("cluster_by", ())),
            enrich=tuple((definition.get("enrich") or {}).items()),
            date_bounds=_parse_checks(definition.get("checks") or {}),
            batch_rows=definition.get("batch_rows"),
            write=definition.get("write", "append"),
            dedupe_content=definition.get("dedupe_content", True),
            enrich_way=definition.get("enrich_way"),
            check_existing_keys=_text_of_switch(definition.get("check_existing_keys", "warn")),
            expect_every_hours=definition.get("expect_every_hours"),
            schema=tuple(_parse_field(field) for field in definition["schema"]),
        )
    except KeyError as error:
        raise Misconfigured(f"feed {name}: the key {error} is missing") from error
    except ValueError as error:
        raise Misconfigured(f"feed {name}: {error}") from error
    for problem in find_problems(feed):
        raise Misconfigured(f"feed {name}: {problem}")
    return feed


def _text_of_switch(value: Any) -> Any:
    """YAML reads a bare `off` as false."""
    return "off" if value is False else value


def _refuse_unknown_keys(where: str, definition: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(definition) - known):
        raise ValueError(f"{where}unknown keys {unknown}; known are {sorted(known)}")


def _parse_checks(definition: Mapping[str, Any]) -> DateBounds | None:
    _refuse_unknown_keys("checks: ", definition, {"date_range"})
    bounds = definition.get("date_range")
    if bounds is None:
        return None
    _refuse_unknown_keys("checks.date_range: ", bounds, {"column", "min", "max"})
    first, last = bounds["min"], bounds["max"]
    if not (isinstance(first, date) and isinstance(last, date) and first <= last):
        raise ValueError(f"checks.date_range goes from {first} to {last}; it must be two dates in order")
    return DateBounds(bounds["column"], first, last)


def _parse_field(definition: Mapping[str, Any]) -> Field:
    name = definition["name"]
    _refuse_unknown_keys(f"field {name}: ", definition, _FIELD_KEYS)
    field_type = _TYPE_ALIASES.get(definition["type"], definition["type"])
    if field_type not in ARROW_TYPES and field_type != "STRUCT":
        raise ValueError(
            f"field {name} has type {field_type}; known are {', '.join([*ARROW_TYPES, 'STRUCT'])}"
        )
    mode = definition.get("mode", "NULLABLE")
    if mode not in ("NULLABLE", "REQUIRED"):
        raise ValueError(f"field {name} has mode {mode}; known are NULLABLE and REQUIRED")
    children = tuple(_parse_field(field) for field in definition.get("fields", ()))
    if (field_type == "STRUCT") != bool(children):
        raise ValueError(f"field {name} is {field_type}; a STRUCT has fields and nothing else has")
    names = [child.name.lower() for child in children]
    if len(set(names)) < len(names):
        raise ValueError(f"field {name} has two fields whose names differ at most in case: {names}")
    return Field(
        name=name,
        type=field_type,
        mode=mode,
        description=definition.get("description", ""),
        source=definition.get("source"),
        fields=children,
    )
