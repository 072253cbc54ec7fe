"""Whether a parquet file fits a table, by BigQuery's rules for types, names and REQUIRED fields.

Source of the type table: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bqemulator.catalog.models import TableFieldSchema
from duckdb import DuckDBPyConnection

_STANDARD_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}

_BIGQUERY_TYPES = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), "INT64"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER"), "INT64"),
    '"NULL"': "INT64",  # a column of nulls only is written as INT32, and BigQuery sees no more than that
    "FLOAT": "FLOAT64",
    "DOUBLE": "FLOAT64",
    "BOOLEAN": "BOOL",
    "VARCHAR": "STRING",
    "BLOB": "BYTES",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}
_ALSO_LOADS_INTO = {"TIMESTAMP": {"DATETIME"}, "NUMERIC": {"BIGNUMERIC"}}


class SchemaMismatch(Exception):
    """The file or the job's schema does not fit the table; the message is BigQuery's."""


@dataclass(frozen=True)
class ParquetColumn:
    """A column of a parquet file: `type` is the BigQuery type it is read as, STRUCT for a group."""

    name: str
    type: str
    repeated: bool = False
    fields: tuple["ParquetColumn", ...] = ()


@dataclass(frozen=True)
class _Node:
    """One element of the footer's schema, which lists its tree depth first."""

    name: str
    physical_type: str | None
    repetition: str
    children: int
    logical_type: str
    duckdb_type: str


def parquet_columns(
    connection: DuckDBPyConnection, path: str, *, list_inference: bool
) -> tuple[ParquetColumn, ...]:
    """The columns in the footer of the file at `path`.

    With `list_inference` a LIST group is read as a repeated column, otherwise as the STRUCT it is.
    Raises duckdb.Error when the file is not parquet.
    """
    rows = connection.execute(
        "SELECT name, type, repetition_type, coalesce(num_children, 0), coalesce(logical_type, ''), "
        "coalesce(duckdb_type, '') FROM parquet_schema(?)",
        [path],
    ).fetchall()
    nodes = (_Node(*row) for row in rows)
    return _read_column(next(nodes), nodes, list_inference=list_inference).fields


def _read_column(node: _Node, nodes: Iterator[_Node], *, list_inference: bool) -> ParquetColumn:
    repeated = node.repetition == "REPEATED"
    if node.physical_type is not None:
        return ParquetColumn(node.name, _bigquery_type(node), repeated)
    fields = tuple(
        _read_column(next(nodes), nodes, list_inference=list_inference) for _ in range(node.children)
    )
    if list_inference and node.logical_type.startswith("ListType"):
        element = fields[0].fields[0]
        return ParquetColumn(node.name, element.type, True, element.fields)
    return ParquetColumn(node.name, "STRUCT", repeated, fields)


def _bigquery_type(node: _Node) -> str:
    """The BigQuery type of a leaf, or the parquet type's own name when BigQuery loads it into nothing."""
    if "NanoSeconds" in node.logical_type:
        return f"{node.physical_type} in nanoseconds"
    if node.physical_type == "INT96":
        return "TIMESTAMP"
    if node.duckdb_type.startswith("DECIMAL"):
        return "NUMERIC"
    if node.logical_type.startswith("Float16"):
        return "FLOAT16"
    return _BIGQUERY_TYPES.get(node.duckdb_type, f"{node.physical_type} {node.logical_type}")


def check_file(
    fields: Sequence[TableFieldSchema],
    columns: Sequence[ParquetColumn],
    *,
    ignore_unknown: bool,
    parent: str = "",
) -> None:
    """Raise SchemaMismatch unless `columns` can be loaded into `fields`, at every level of nesting."""
    by_name: dict[str, ParquetColumn] = {}
    for column in columns:
        if by_name.setdefault(column.name.lower(), column) is not column:
            raise SchemaMismatch(f"Duplicate field name: {parent}{column.name}")
    for field in fields:
        path = parent + field.name
        match = by_name.pop(field.name.lower(), None)
        if match is None:
            if field.mode == "REQUIRED":
                raise SchemaMismatch(f"Required field {path} is missing from the file")
            continue
        _check_column(field, match, path)
        check_file(field.fields, match.fields, ignore_unknown=ignore_unknown, parent=f"{path}.")
    if by_name and not ignore_unknown:
        extra = next(iter(by_name.values()))
        raise SchemaMismatch(f"No such field: {parent}{extra.name}")


def _check_column(field: TableFieldSchema, column: ParquetColumn, path: str) -> None:
    target = standard_type(field)
    fits = column.type == target or target in _ALSO_LOADS_INTO.get(column.type, ())
    if not fits or column.repeated != (field.mode == "REPEATED"):
        repeated = "repeated " if column.repeated else ""
        raise SchemaMismatch(
            f"Parquet column '{path}' has type {repeated}{column.type} "
            f"which does not match the target type {field.mode} {target}"
        )


def check_job_schema(
    table: Sequence[TableFieldSchema], job: Sequence[TableFieldSchema], parent: str = ""
) -> None:
    """Raise SchemaMismatch unless the schema given with the job is the table's.

    A job may leave NULLABLE fields out. Pass `job` empty for a job without a schema: BigQuery then
    takes the file's fields for NULLABLE, which a table with REQUIRED fields refuses.
    """
    given = {field.name.lower(): field for field in job}
    for field in table:
        path, match = parent + field.name, given.pop(field.name.lower(), None)
        if match is None:
            if field.mode == "REQUIRED":
                raise SchemaMismatch(f"Field {path} has changed mode from REQUIRED to NULLABLE")
            continue
        if standard_type(match) != standard_type(field):
            raise SchemaMismatch(f"Field {path} has changed type from {field.type} to {match.type}")
        if match.mode != field.mode:
            raise SchemaMismatch(f"Field {path} has changed mode from {field.mode} to {match.mode}")
        check_job_schema(field.fields, match.fields, f"{path}.")
    for extra in given.values():
        raise SchemaMismatch(f"Cannot add fields (field: {parent}{extra.name})")


def standard_type(field: TableFieldSchema) -> str:
    """The field's type by its standard SQL name; the API also takes the legacy ones."""
    return _STANDARD_NAMES.get(field.type.upper(), field.type.upper())


def null_violations(
    fields: Sequence[TableFieldSchema], parent: str = "", path: str = ""
) -> Iterator[tuple[str, str]]:
    """For each REQUIRED field, nested ones too: its path and an SQL predicate that finds its nulls.

    A REQUIRED field inside a struct that is itself null is not a violation.
    """
    for field in fields:
        expression, name = parent + quoted(field.name), path + field.name
        if field.mode == "REQUIRED":
            yield name, f"{expression} IS NULL"
        if field.mode == "REPEATED":
            for inner, predicate in null_violations(field.fields, "item.", f"{name}."):
                yield inner, f"len(list_filter({expression}, lambda item: {predicate})) > 0"
        else:
            for inner, predicate in null_violations(field.fields, f"{expression}.", f"{name}."):
                yield inner, f"({expression} IS NOT NULL AND {predicate})"


def quoted(identifier: str) -> str:
    """`identifier` as DuckDB writes it."""
    return '"' + identifier.replace('"', '""') + '"'
