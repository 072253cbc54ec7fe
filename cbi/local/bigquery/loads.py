"""What a load job does to its table: all its rows or none, by column name, with the job's own numbers."""

import glob
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from bqemulator.api.dependencies import AppContext
from bqemulator.api.routes.tables import _parse_schema_fields
from bqemulator.catalog.models import TableMeta
from bqemulator.storage.sql_identifiers import quoted_table_ref

from cbi.local.bigquery.schema import (
    SchemaMismatch,
    check_file,
    check_job_schema,
    null_violations,
    parquet_columns,
    quoted,
)

MAX_PARTITIONS_PER_JOB = 4_000
MAX_PARTITIONS_PER_TABLE = 10_000
Json = dict[str, Any]


class LoadFailed(Exception):
    """The job's errorResult: BigQuery's reason, its message, and the URI at fault where there is one."""

    def __init__(self, reason: str, message: str, location: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.location = location

    def error_result(self) -> Json:
        """The error as the job resource shows it."""
        location = {} if self.location is None else {"location": self.location}
        return {"reason": self.reason, "message": self.message, **location}


@dataclass(frozen=True)
class _SourceFile:
    uri: str
    path: Path


def load(context: AppContext, project: str, configuration: Mapping[str, Any]) -> Json:
    """Load the files of `configuration` (a job's `configuration.load`) and return the job's statistics.

    Must run inside a transaction of the context's connection, which the caller rolls back when this
    raises. Raises LoadFailed.
    """
    table = _destination(context, project, configuration)
    files = _source_files(context, configuration)
    _check_schema_of_job(table, configuration)
    connection, target = context.engine.connection, _reference(table)
    columns = {column: kind for column, kind, *_ in connection.execute(f"DESCRIBE {target}").fetchall()}
    # The rows of this job alone, as the table will have them: what is checked below is not the whole table.
    incoming = " UNION ALL ".join(_rows_of(connection, table, columns, file, configuration) for file in files)
    incoming = f"({incoming})"
    try:
        _check_required(connection, incoming, table)
        _check_partitions(connection, incoming, table, MAX_PARTITIONS_PER_JOB, "modified by one job")
        _dispose(connection, target, configuration)
        rows = _count(connection, f"INSERT INTO {target} SELECT * FROM {incoming}")
    except duckdb.Error as error:
        raise _unreadable(error, *(file.uri for file in files)) from error
    _check_partitions(connection, target, table, MAX_PARTITIONS_PER_TABLE, "in one table")
    total = _count(connection, f"SELECT count(*) FROM {target}")
    context.catalog.update_table(table.model_copy(update={"num_rows": total}))
    size = sum(file.path.stat().st_size for file in files)
    return {
        "inputFiles": str(len(files)),
        "inputFileBytes": str(size),
        "outputRows": str(rows),
        "outputBytes": str(size),
        "badRecords": "0",
    }


def table_key(project: str, configuration: Mapping[str, Any]) -> tuple[str, str, str]:
    """Project, dataset and table a job's `configuration.load` writes to."""
    destination = configuration["destinationTable"]
    return destination.get("projectId", project), destination["datasetId"], destination["tableId"]


def _destination(context: AppContext, project: str, configuration: Mapping[str, Any]) -> TableMeta:
    key = table_key(project, configuration)
    table: TableMeta | None = context.catalog.get_table(*key)
    if table is None:
        raise LoadFailed("notFound", "Not found: Table {}:{}.{}".format(*key))
    return table


def _source_files(context: AppContext, configuration: Mapping[str, Any]) -> list[_SourceFile]:
    return [file for uri in configuration["sourceUris"] for file in _matches(context, uri)]


def _matches(context: AppContext, uri: str) -> list[_SourceFile]:
    """The files of one URI, which may hold a `*`."""
    scheme, _, name = uri.partition("://")
    roots = {"gs": context.settings.gcs_local_root, "upload": uploads_folder(context)}
    root = roots.get(scheme)
    if root is None:
        raise LoadFailed("invalid", f"Source URI must be a Google Cloud Storage location: {uri}", uri)
    # the storage stand-in keeps each object as a file of its name
    paths = [root / name] if "*" not in name else sorted(map(Path, glob.glob(str(root / name))))
    files = [_SourceFile(uri, path) for path in paths if path.is_file()]
    if not files:
        raise LoadFailed("notFound", f"Not found: URI {uri}", uri)
    return files


def uploads_folder(context: AppContext) -> Path:
    """Where the files are kept that came with their jobs; such a job's source is `upload://<file name>`."""
    assert context.settings.data_dir is not None, "the launcher sets it"
    return context.settings.data_dir / "uploads"


def _check_schema_of_job(table: TableMeta, configuration: Mapping[str, Any]) -> None:
    fields = _parse_schema_fields(configuration.get("schema", {}).get("fields", []))
    try:
        check_job_schema(table.schema_.fields, fields)
    except SchemaMismatch as mismatch:
        name = f"{table.project_id}:{table.dataset_id}.{table.table_id}"
        raise LoadFailed("invalid", f"Provided Schema does not match Table {name}. {mismatch}") from mismatch


def _rows_of(
    connection: duckdb.DuckDBPyConnection,
    table: TableMeta,
    columns: Mapping[str, str],
    file: _SourceFile,
    configuration: Mapping[str, Any],
) -> str:
    """An SQL query for the file's rows, in the table's columns and types.

    The casts match the fields of a struct by name and put NULL for those that are missing. Raises LoadFailed
    when the file does not fit the table.
    """
    lists = configuration.get("parquetOptions", {}).get("enableListInference", False)
    ignore_unknown = configuration.get("ignoreUnknownValues", False)
    try:
        found = parquet_columns(connection, str(file.path), list_inference=lists)
        check_file(table.schema_.fields, found, ignore_unknown=ignore_unknown)
    except (SchemaMismatch, duckdb.Error) as error:
        raise _unreadable(error, file.uri) from error
    names = {column.name.lower(): quoted(column.name) for column in found}
    values = (
        f"CAST({names.get(name.lower(), 'NULL')} AS {kind}) AS {quoted(name)}"
        for name, kind in columns.items()
    )
    path = str(file.path).replace("'", "''")
    return f"SELECT {', '.join(values)} FROM read_parquet('{path}')"


def _unreadable(error: Exception, *uris: str) -> LoadFailed:
    """The failure for data that cannot be read; its location is the file at fault if only one can be."""
    message = f"Error while reading data, error message: {error} File: {', '.join(uris)}"
    return LoadFailed("invalid", message, uris[0] if len(uris) == 1 else None)


def _check_required(connection: duckdb.DuckDBPyConnection, incoming: str, table: TableMeta) -> None:
    for path, predicate in null_violations(table.schema_.fields):
        if connection.execute(f"SELECT 1 FROM {incoming} WHERE {predicate} LIMIT 1").fetchone():
            raise LoadFailed("invalid", f"Required field {path} cannot be null")


def _check_partitions(
    connection: duckdb.DuckDBPyConnection, rows: str, table: TableMeta, limit: int, where: str
) -> None:
    partitioning = table.time_partitioning
    if partitioning is None or partitioning.field is None:
        return
    # coalesce: the rows without a date share one partition, __NULL__
    partition = (
        f"coalesce(strftime(date_trunc('{partitioning.type}', {quoted(partitioning.field)}), '%c'), '')"
    )
    partitions = _count(connection, f"SELECT count(DISTINCT {partition}) FROM {rows}")
    if partitions > limit:
        raise LoadFailed("invalid", f"Too many partitions {where}: {partitions}, allowed {limit}")


def _dispose(connection: duckdb.DuckDBPyConnection, target: str, configuration: Mapping[str, Any]) -> None:
    disposition = configuration.get("writeDisposition", "WRITE_APPEND")
    if disposition == "WRITE_TRUNCATE":
        connection.execute(f"DELETE FROM {target}")
    elif disposition == "WRITE_EMPTY" and _count(connection, f"SELECT count(*) FROM {target}"):
        raise LoadFailed("duplicate", f"Already Exists: Table {target} is not empty")


def _reference(table: TableMeta) -> str:
    return quoted_table_ref(table.project_id, table.dataset_id, table.table_id)


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    assert row is not None, "count(*) always has a row"
    return int(row[0])
