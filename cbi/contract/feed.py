"""A feed's contract: every key of its YAML file with the type and the meaning it has, and what follows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

import pyarrow as pa
from msgspec import Meta, Struct
from msgspec import field as struct_field
from msgspec.structs import asdict, force_setattr

from cbi.contract.times import TimeSource
from cbi.enrichments.enrichment import Basis
from cbi.enrichments.registry import ENRICHMENTS
from cbi.expectations.registry import Expectations
from cbi.expectations.repeated_rows import Keep
from cbi.settings import EnrichStrategy

WriteMode = Literal["append", "upsert"]
NamesPolicy = Literal["ignore_case", "exact"]
UnknownColumnsPolicy = Literal["warn", "fail", "rescue"]
ExistingKeysPolicy = Literal["warn", "fail", "off"]
InvalidRowsPolicy = Literal["fail", "quarantine"]
FieldMode = Literal["NULLABLE", "REQUIRED"]
FieldType = Literal[
    "STRING", "BYTES", "INT64", "FLOAT64", "BOOL", "DATE", "TIMESTAMP", "STRUCT",
    "INTEGER", "FLOAT", "BOOLEAN", "RECORD",
]  # fmt: skip

# The names of the older SQL dialect, which the API and `bq show --schema` still give.
TYPE_ALIASES: Mapping[FieldType, FieldType] = {
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
}

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

# What BigQuery takes as a column's name without its flexible names, which need a setting of each load job:
# https://cloud.google.com/bigquery/docs/schemas#column_names
_RESERVED_PREFIXES = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")
_COLUMN_NAME = rf"^(?!(?i:{'|'.join(_RESERVED_PREFIXES)}))[A-Za-z_][A-Za-z0-9_]*\Z"

# The descriptions below go on after "it must be" where a contract is refused.
LONGEST_COLUMN_NAME = 300
_ColumnName = Annotated[
    str,
    Meta(
        pattern=_COLUMN_NAME,
        max_length=LONGEST_COLUMN_NAME,
        description=(
            f"letters (a-z, A-Z), digits and _, at most {LONGEST_COLUMN_NAME} of them, not beginning with a"
            f" digit or with what BigQuery keeps for itself ({', '.join(_RESERVED_PREFIXES)}), as text; where"
            " the file's column has another name, that goes into source"
        ),
    ),
]
_FileColumn = Annotated[str, Meta(min_length=1, description="the name of a column of the file, as text")]
_TopLevelColumn = Annotated[str, Meta(min_length=1, description="the name of a top-level column, as text")]
_TimeFormat = Annotated[str, Meta(min_length=1, description='a format of dates such as "%Y%m%d", as text')]
_TimeZone = Annotated[
    str, Meta(min_length=1, description="the name of a time zone such as America/New_York, as text")
]
_PathPattern = Annotated[
    str,
    Meta(min_length=1, description="a regular expression with one group, such as data_date=(.*?)/, as text"),
]
_Description = Annotated[str, Meta(max_length=1_024, description="a text of at most 1,024 characters")]


def is_column_name(text: str) -> bool:
    """Whether BigQuery takes a text as the name of a column."""
    return len(text) <= LONGEST_COLUMN_NAME and re.match(_COLUMN_NAME, text) is not None


class Field(Struct, frozen=True, forbid_unknown_fields=True):
    """A column of the table or a field of a STRUCT, in the form of BigQuery's table schema.

    `source` is the file's column that fills it, where that has another name, or a path into its STRUCTs.
    `format`, `timezone` and `as` say how a DATE or a TIMESTAMP is read, as TimeSource has it. `from_path`
    finds the value in the object's name where the file has no such column; `constant` is the value of all
    rows. An `optional` column may be absent though the file has one of nearly its name.
    """

    name: _ColumnName
    type: Annotated[FieldType, Meta(description=f"one of {', '.join([*ARROW_TYPES, 'STRUCT'])}")]
    mode: Annotated[FieldMode, Meta(description="NULLABLE or REQUIRED")] = "NULLABLE"
    description: _Description = ""
    source: _FileColumn | None = None
    format: _TimeFormat | None = None
    timezone: _TimeZone | None = None
    read_as: Annotated[Literal["date"], Meta(description="date")] | None = struct_field(
        default=None, name="as"
    )
    from_path: _PathPattern | None = None
    constant: Annotated[Any, Meta(description="a value of the field's type")] = None
    optional: Annotated[bool, Meta(description="true or false")] = False
    fields: Annotated[
        tuple["Field", ...], Meta(description="a list of fields, each with a name and a type")
    ] = ()

    def __post_init__(self) -> None:
        force_setattr(self, "type", TYPE_ALIASES.get(self.type, self.type))

    @property
    def required(self) -> bool:
        return self.mode == "REQUIRED"

    @property
    def constant_value(self) -> pa.Scalar | None:
        """The constant in the leaf's type. Raises ArrowException for one that has another."""
        if self.constant is None:
            return None
        return pa.scalar(self.constant, ARROW_TYPES[self.type])

    @property
    def times(self) -> TimeSource:
        return TimeSource(self.format, self.timezone, self.read_as == "date")

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


class DateBounds(Struct, frozen=True, forbid_unknown_fields=True):
    """The first and last date (both included) a feed accepts."""

    column: _FileColumn
    min: Annotated[date, Meta(description="a date such as 2000-01-31, without quotes")]
    max: Annotated[date, Meta(description="a date such as 2000-01-31, without quotes")]


class Checks(Expectations, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is looked at in every file, besides the key, required columns and types."""

    date_range: Annotated[DateBounds | None, Meta(description="a map with column, min and max")] = None


class Contract(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A contract as its YAML file says it: each field is a key there.

    `table` is `dataset.table`; columns of `key` are those of the staged file. `enrich` has the leaves, by
    their path, that are computed, each with its enrichment. `enrich_strategy` overrides the setting of that
    name. NaN becomes NULL, or is kept as a value like any other.
    """

    description: Annotated[
        str, Meta(max_length=16_384, description="a text of at most 16,384 characters")
    ] = ""
    table: Annotated[str, Meta(description="dataset.table, as text")]
    key: Annotated[
        tuple[_FileColumn, ...],
        Meta(min_length=1, description="a list of the file's columns that no two rows may share"),
    ]
    partition_by: Annotated[str, Meta(description="the name of a REQUIRED DATE column, as text")] | None = (
        None
    )
    cluster_by: Annotated[
        tuple[_TopLevelColumn, ...],
        Meta(max_length=4, description="a list of at most four top-level columns"),
    ] = ()
    enrich: Annotated[
        Mapping[str, Annotated[str, Meta(description="the name of an enrichment, as text")]],
        Meta(description="a map of leaves, each with the name of its enrichment"),
    ] = {}
    checks: Annotated[Checks, Meta(description="a map of checks, each with its rules")] = Checks()
    invalid_rows: Annotated[InvalidRowsPolicy, Meta(description="fail or quarantine")] = "fail"
    keep_duplicate: Annotated[Keep, Meta(description="none, first or last")] = "none"
    batch_rows: (
        Annotated[
            int, Meta(ge=1, le=10**12, description="a whole number of rows from 1 to 1,000,000,000,000")
        ]
        | None
    ) = None
    enrich_strategy: (
        Annotated[EnrichStrategy, Meta(description=f"one of {', '.join(get_args(EnrichStrategy))}")] | None
    ) = None
    nan: Annotated[Literal["keep"], Meta(description="keep, or null")] | None = None
    write: Annotated[WriteMode, Meta(description="append or upsert")] = "append"
    names: Annotated[NamesPolicy, Meta(description="ignore_case or exact")] = "ignore_case"
    unknown_columns: Annotated[UnknownColumnsPolicy, Meta(description="warn, fail or rescue")] = "warn"
    dedupe_content: Annotated[bool, Meta(description="true or false")] = True
    check_existing_keys: Annotated[ExistingKeysPolicy, Meta(description="warn, fail or off")] = "warn"
    expect_every_hours: (
        Annotated[
            float,
            Meta(gt=0, le=87_600, description="a number of hours above 0 and at most 87,600 (ten years)"),
        ]
        | None
    ) = None
    schema: Annotated[
        tuple[Field, ...],
        Meta(min_length=1, description="a list of fields, each with a name and a type"),
    ]


@dataclass(frozen=True)
class Leaf:
    """A scalar of the schema, and where its values come from.

    `column` is what a file's column is called that fills it, or would if the value were not the contract's or
    of the object's name; None of a leaf that an enrichment fills. `source` is what that is called from here
    on: the column's name, or the leaf's path where an earlier leaf has the same column, read otherwise.
    `constant` is the contract's value.
    """

    path: str
    field: Field
    column: str | None
    source: str | None
    enrichment: str | None
    constant: pa.Scalar | None = None


class Feed(Contract, frozen=True, kw_only=True, dict=True):
    """A contract under the feed's name, with what follows from it."""

    name: str

    @classmethod
    def of(cls, name: str, contract: Contract) -> "Feed":
        return cls(name=name, **asdict(contract))

    @property
    def quarantines_invalid_rows(self) -> bool:
        """Whether a NULL where none may be, a failed cast, or a repeated key costs its row, not the file."""
        return self.invalid_rows == "quarantine"

    @property
    def date_bounds(self) -> DateBounds | None:
        return self.checks.date_range

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every scalar of the schema, depth first, in the table's order."""

        taken = set[str]()

        def walk(fields: Sequence[Field], prefix: str) -> Iterator[Leaf]:
            for field in fields:
                path = prefix + field.name
                if field.fields:
                    yield from walk(field.fields, path + ".")
                elif path in self.enrich:
                    yield Leaf(path, field, None, None, self.enrich[path])
                else:
                    column = field.source or field.name
                    source = path if column in taken else column
                    taken.add(column)
                    yield Leaf(path, field, column, source, None, field.constant_value)

        return tuple(walk(self.schema, ""))

    @cached_property
    def sources(self) -> Mapping[str, Leaf]:
        """The leaf that each column of a staged file fills; a column that fills two is there twice."""
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
        return {ENRICHMENTS[kind].based_on for kind in self.enrich.values() if kind in ENRICHMENTS}

    @property
    def needs_regime(self) -> bool:
        return Basis.REGIME in self.enrichment_bases

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The nested schema that is written to parquet, in the table's order."""
        return pa.schema([field.to_arrow() for field in self.schema])
