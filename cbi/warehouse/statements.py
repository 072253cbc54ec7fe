"""Every SQL statement there is, with every name in it quoted: a column may well be called `group`.

The statements that change a feed's table name the days they change, which bounds their cost.
"""

from collections.abc import Sequence
from datetime import date

from cbi.contract.target import Target
from cbi.sql import comma_list, quote, quote_path, quote_table, quote_text


def keys_statement(
    target: Target, table: str, *, between_days: bool, listed: Sequence[str]
) -> tuple[str, list[str]]:
    """SQL for the keys that `table` has, and how its columns are called: one for each of the target's key.

    With `between_days`, only for the days from the parameter `first` to `last`. For each column of `listed`,
    only for values in the array parameter that is called like its column of the answer.
    """
    names = [f"key_{number}" for number in range(len(target.key))]
    columns = {path: quote_path(path) for path in target.key}
    where = []
    if between_days and target.partition_by is not None:
        where.append(f"{quote_path(target.partition_by)} BETWEEN @first AND @last")
    for path, name in zip(target.key, names, strict=True):
        if path in listed:
            where.append(f"{columns[path]} IN UNNEST(@{name})")
    selected = [f"{columns[path]} AS {quote(name)}" for path, name in zip(target.key, names, strict=True)]
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    return f"SELECT DISTINCT {comma_list(selected)} FROM {quote_table(table)}{condition}", names


def merge_statement(target: Target, table: str, staging: str, first: date | None, last: date | None) -> str:
    """SQL that merges `staging` into `table` by the feed's key.

    Where the partition's day is part of the key, a constant range of days lets BigQuery read and rewrite only
    their partitions; elsewhere a row may move from one day to another. A row is put in another's place only
    if its file was finalised no earlier, so files may come in any order.
    https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#merge_statement
    """
    on = [f"{quote_path(column, 'T')} = {quote_path(column, 'S')}" for column in target.key]
    if target.partition_by in target.key:
        on.append(_between(quote_path(target.partition_by, "T"), first, last))
    matched = "WHEN MATCHED"
    if target.newest_by is not None:
        old, new = quote_path(target.newest_by, "T"), quote_path(target.newest_by, "S")
        matched += f" AND ({old} IS NULL OR {new} >= {old})"
    names = [str(field["name"]) for field in target.schema]
    columns = [quote_path(name) for name in names]
    values = [quote_path(name, "S") for name in names]
    assignments = [f"{column} = {value}" for column, value in zip(columns, values, strict=True)]
    return "\n".join(
        [
            f"MERGE {quote_table(table)} AS `T`",
            f"USING {quote_table(staging)} AS `S`",
            f"ON {' AND '.join(on)}",
            f"{matched} THEN UPDATE SET {comma_list(assignments)}",
            f"WHEN NOT MATCHED THEN INSERT ({comma_list(columns)})",
            f"VALUES ({comma_list(values)})",
        ]
    )


def delete_statement(target: Target, table: str, run_id: str, first: date | None, last: date | None) -> str:
    """SQL that deletes the rows a run loaded for these days. The target has a run column."""
    assert target.run_column is not None
    where = [f"{quote_path(target.run_column)} = {quote_text(run_id)}"]
    if target.partition_by is not None:
        where.append(_between(quote_path(target.partition_by), first, last))
    return f"DELETE FROM {quote_table(table)} WHERE {' AND '.join(where)}"


def no_statement(comment: str) -> str:
    """SQL that does nothing, and costs nothing, with a line that is kept in it."""
    return f"-- {comment}\nSELECT 1"


def comment_of(statement: str) -> str | None:
    """The line that a statement which does nothing keeps; None of one that does something."""
    comment, _, rest = statement.partition("\n")
    return comment.removeprefix("-- ") if rest == "SELECT 1" else None


def _between(column: str, first: date | None, last: date | None) -> str:
    return f"{column} BETWEEN DATE '{first}' AND DATE '{last}'"
