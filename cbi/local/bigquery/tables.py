"""Changing a table that is there: columns and fields of STRUCTs are added, and nothing is taken away.

bqemulator writes a new schema into its catalog and leaves the table as it was, takes away what the new
schema lacks, and ignores etags.
https://cloud.google.com/bigquery/docs/managing-table-schemas
"""

from collections.abc import Iterator, Sequence

import duckdb
from bqemulator.api.dependencies import AppContext
from bqemulator.api.routes.tables import _field_to_rest, _rest_to_table_meta, _table_to_rest
from bqemulator.catalog.models import TableFieldSchema, TableSchema
from bqemulator.domain.errors import DomainError, ResourceRef, ValidationError, resource_not_found
from bqemulator.storage.sql_identifiers import quoted_table_ref
from bqemulator.storage.type_map import bq_schema_to_duckdb_columns

from cbi.local.bigquery.loads import Json
from cbi.local.bigquery.schema import quoted, standard_type

_Fields = Sequence[TableFieldSchema]


class _PreconditionFailed(DomainError):
    """The table is no longer the one whose etag was given."""

    http_status = 412
    bq_reason = "conditionNotMet"
    grpc_status_name = "FAILED_PRECONDITION"


def patch_table(context: AppContext, table: tuple[str, str, str], if_match: str | None, body: Json) -> Json:
    """Change the table `project, dataset, table` as `tables.patch` does, and give its resource.

    The table and the catalog are changed in one transaction. Raises a DomainError for what BigQuery refuses.
    """
    found = context.catalog.get_table(*table)
    if found is None:
        raise resource_not_found(ResourceRef("table", *table))
    if if_match not in (None, found.etag):
        raise _PreconditionFailed("Precondition check failed.")
    project, dataset, name = table
    body = {**body, "tableReference": {"tableId": name}}
    wanted = _rest_to_table_meta(project, dataset, body, context.clock, found)
    present = found.schema_.fields
    _refuse_what_is_lost(present, wanted.schema_.fields)
    schema = TableSchema(fields=_appended(present, wanted.schema_.fields))
    changed = wanted.model_copy(update={"schema_": schema})
    execute = context.engine.execute
    execute("BEGIN TRANSACTION")
    try:
        for path, kind in _additions(present, schema.fields):
            execute(f"ALTER TABLE {quoted_table_ref(*table)} ADD COLUMN {path} {kind}")
        context.catalog.update_table(changed)
        execute("COMMIT")
    except duckdb.Error:
        execute("ROLLBACK")
        raise
    return _table_to_rest(changed)


def _refuse_what_is_lost(present: _Fields, wanted: _Fields, parent: str = "") -> None:
    by_name = {field.name.lower(): field for field in wanted}
    for field in present:
        path, after = parent + field.name, by_name.pop(field.name.lower(), None)
        if after is None:
            raise ValidationError(
                f"Provided Schema does not match Table. Field {path} is missing in new schema"
            )
        if standard_type(after) != standard_type(field):
            raise ValidationError(f"Field {path} has changed type from {field.type} to {after.type}")
        if after.mode != field.mode and (field.mode, after.mode) != ("REQUIRED", "NULLABLE"):
            raise ValidationError(f"Field {path} has changed mode from {field.mode} to {after.mode}")
        _refuse_what_is_lost(field.fields, after.fields, f"{path}.")
    for added in by_name.values():
        if added.mode == "REQUIRED":
            raise ValidationError(
                f"Cannot add required fields to an existing schema. (field: {parent}{added.name})"
            )
        _refuse_what_is_lost((), added.fields, f"{parent}{added.name}.")


def _appended(present: _Fields, wanted: _Fields) -> tuple[TableFieldSchema, ...]:
    """The wanted fields in the table's order: those it has, then the new ones."""
    by_name = {field.name.lower(): field for field in wanted}
    kept = [
        (after := by_name.pop(field.name.lower())).model_copy(
            update={"name": field.name, "fields": _appended(field.fields, after.fields)}
        )
        for field in present
    ]
    return (*kept, *by_name.values())


def _additions(present: _Fields, after: _Fields, parent: str = "") -> Iterator[tuple[str, str]]:
    """The path and the type, both as DuckDB writes them, of each field that `after` has at its end."""
    for field, same in zip(present, after, strict=False):
        yield from _additions(field.fields, same.fields, f"{parent}{quoted(field.name)}.")
    for field in after[len(present) :]:
        ((name, kind),) = bq_schema_to_duckdb_columns([_field_to_rest(field)])
        yield parent + quoted(name), kind
