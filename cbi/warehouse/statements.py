"""The SQL that changes a feed's table. Each statement names the days it changes, which bounds its cost."""

from datetime import date

from cbi.contract.target import Target


def merge_statement(target: Target, table: str, staging: str, first: date | None, last: date | None) -> str:
    """SQL that merges `staging` into `table` by the feed's key.

    The constant date range lets BigQuery read and rewrite only the partitions of these days. A row is put in
    another's place only if its file was finalised no earlier, so files may come in any order.
    https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#merge_statement
    """
    on = [f"T.{column} = S.{column}" for column in target.key]
    if target.partition_by is not None:
        on.append(f"T.{target.partition_by} BETWEEN DATE '{first}' AND DATE '{last}'")
    matched = "WHEN MATCHED"
    if target.newest_by is not None:
        column = target.newest_by
        matched += f" AND (T.{column} IS NULL OR S.{column} >= T.{column})"
    columns = [f"`{field['name']}`" for field in target.schema]
    return "\n".join(
        [
            f"MERGE `{table}` AS T",
            f"USING `{staging}` AS S",
            f"ON {' AND '.join(on)}",
            f"{matched} THEN UPDATE SET {', '.join(f'{column} = S.{column}' for column in columns)}",
            f"WHEN NOT MATCHED THEN INSERT ({', '.join(columns)})",
            f"VALUES ({', '.join(f'S.{column}' for column in columns)})",
        ]
    )


def delete_statement(target: Target, table: str, run_id: str, first: date | None, last: date | None) -> str:
    """SQL that deletes the rows a run loaded for these days."""
    where = f"{target.run_column} = '{run_id}'"
    if target.partition_by is not None:
        where += f" AND {target.partition_by} BETWEEN DATE '{first}' AND DATE '{last}'"
    return f"DELETE FROM `{table}` WHERE {where}"
