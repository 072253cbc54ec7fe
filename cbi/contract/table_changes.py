"""How a table that is there differs from its contract: what can be added, and what only a person may change.

Nothing is ever taken away or narrowed. BigQuery adds NULLABLE columns only, and puts them last.
https://cloud.google.com/bigquery/docs/managing-table-schemas
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cbi.contract.feed import TYPE_ALIASES, Feed, Field

ApiField = Mapping[str, Any]
"""A TableFieldSchema of BigQuery's REST API."""


@dataclass(frozen=True)
class TableChanges:
    """`schema` is the table's own, with the columns and fields of STRUCTs that are `added` to it, by path.

    Each of the `differences` is a sentence that says what to do about it; of those that are also `harmless`
    no load fails.
    """

    schema: tuple[dict[str, Any], ...]
    added: tuple[str, ...]
    differences: tuple[str, ...]
    harmless: frozenset[str]


def compare_table(table: Mapping[str, Any], contract: Feed) -> TableChanges:
    """Hold a table, as BigQuery's REST API describes it, against its contract."""
    changes = _compare_fields(table.get("schema", {}).get("fields", ()), contract.schema)
    layout = tuple(_compare_layout(table, contract))
    return replace(
        changes, differences=(*changes.differences, *layout), harmless=changes.harmless.union(layout)
    )


def _compare_fields(present: Sequence[ApiField], wanted: Sequence[Field], parent: str = "") -> TableChanges:
    """Compare the columns of a table, or the fields of the STRUCT whose path is `parent`."""
    schema: list[dict[str, Any]] = []
    added: list[str] = []
    differences: list[str] = []
    harmless: set[str] = set()
    by_name = {field.name.lower(): field for field in wanted}  # names differ by more than their case
    for field in present:
        path, match = parent + field["name"], by_name.pop(field["name"].lower(), None)
        schema.append(dict(field))
        if match is None:
            differences.append(_unknown(path, field))
            if _mode(field) != "REQUIRED":
                harmless.add(differences[-1])
        elif difference := _difference(path, field, match):
            differences.append(difference)
        elif match.fields:
            inner = _compare_fields(field.get("fields", ()), match.fields, f"{path}.")
            schema[-1]["fields"] = list(inner.schema)
            added += inner.added
            differences += inner.differences
            harmless |= inner.harmless
    for match in by_name.values():
        path = parent + match.name
        if required := list(_required(match, path)):
            differences.append(_missing(path, required))
        else:
            schema.append(match.to_api())
            added.append(path)
    return TableChanges(tuple(schema), tuple(added), tuple(differences), frozenset(harmless))


def _unknown(path: str, field: ApiField) -> str:
    if _mode(field) == "REQUIRED":
        return (
            f"{path} is REQUIRED in the table and not in the contract, so every load fails: put it into the"
            " contract, or make it NULLABLE in the table"
        )
    return f"{path} is not in the contract: it stays as it is, and is NULL in new rows"


def _difference(path: str, field: ApiField, contract: Field) -> str | None:
    """How a column differs in type or mode, or None."""
    found, mode = TYPE_ALIASES.get(field["type"], field["type"]), _mode(field)
    if mode == "REPEATED":
        return f"{path} is {mode} in the table, which no contract can say: fill a column of a new name"
    if found != contract.type:
        return (
            f"{path} is {found} in the table and {contract.type} in the contract: write {found} there, or"
            " fill a column of a new name"
        )
    if mode != contract.mode:
        relaxing = ", or make it NULLABLE in the table" if mode == "REQUIRED" else ""
        return (
            f"{path} is {mode} in the table and {contract.mode} in the contract: write {mode} there{relaxing}"
        )
    return None


def _required(field: Field, path: str) -> Iterator[str]:
    """The REQUIRED ones of a field and those inside it, by path."""
    if field.required:
        yield path
    for inner in field.fields:
        yield from _required(inner, f"{path}.{inner.name}")


def _missing(path: str, required: Sequence[str]) -> str:
    return (
        f"{path} is not in the table, and cannot be added as {', '.join(required)} is REQUIRED: write"
        " NULLABLE in the contract, or move the rows to a new table"
    )


def _compare_layout(table: Mapping[str, Any], contract: Feed) -> Iterator[str]:
    partitioned, wanted = _partitioning(table), contract.partition_by or "nothing"
    if partitioned.lower() != wanted.lower():
        yield (
            f"partitioned by {partitioned}, and by {wanted} in the contract: no table's partitioning can be"
            " changed, so let the contract say what it is, or move the rows to a new table"
        )
    clustered = table.get("clustering", {}).get("fields", [])
    if [name.lower() for name in clustered] != [name.lower() for name in contract.cluster_by]:
        found, columns = ", ".join(clustered) or "nothing", ",".join(contract.cluster_by)
        yield (
            f"clustered by {found}, and by {columns or 'nothing'} in the contract: let the contract say what"
            f' it is, or run `bq update --clustering_fields="{columns}" {contract.table}`'
        )


def _partitioning(table: Mapping[str, Any]) -> str:
    """What a table is partitioned by, in a contract's words where it has some: the name of a DATE column."""
    if by_range := table.get("rangePartitioning"):
        return f"ranges of {by_range['field']}"
    by_time = table.get("timePartitioning")
    if by_time is None:
        return "nothing"
    column, unit = by_time.get("field", "the time of loading"), by_time.get("type", "DAY")
    return str(column) if unit == "DAY" else f"the {unit} of {column}"


def _mode(field: ApiField) -> str:
    return str(field.get("mode") or "NULLABLE")
