"""What a statement that changes rows did: how many it inserted, updated and deleted.

bqemulator counts only how many rows a statement touched in all, and lets a MERGE match one row of its
target with several of its source, which BigQuery refuses.
"""

from dataclasses import dataclass

import sqlglot
from bqemulator.api.dependencies import AppContext
from bqemulator.domain.errors import NotFoundError, ValidationError
from bqemulator.storage.sql_identifiers import quoted_table_ref
from sqlglot import exp

from cbi.local.bigquery.loads import Json


@dataclass(frozen=True)
class Dml:
    """An INSERT, UPDATE, DELETE or MERGE, and the table it changes as `project.dataset.table`."""

    statement: exp.Expression
    target: tuple[str, str, str]

    def count_rows(self, context: AppContext) -> int:
        """The rows of its target now."""
        found = context.engine.execute(f"SELECT count(*) FROM {quoted_table_ref(*self.target)}").fetchone()
        return int(found[0]) if found else 0

    def check(self, context: AppContext) -> None:
        """Raise NotFoundError where its target or the source of a MERGE is missing, and ValidationError for a
        MERGE that matches a row of its target with several of its source."""
        source = self.statement.args.get("using")
        self._require(context, *self.target)
        if isinstance(source, exp.Table):
            self._require(context, source.catalog or self.target[0], source.db, source.name)
        if not isinstance(self.statement, exp.Merge) or not isinstance(source, exp.Table):
            return
        target = self.statement.this
        found = context.engine.execute(
            f"SELECT 1 FROM {self._reference(target)} JOIN {self._reference(source)}"
            f" ON {self.statement.args['on'].sql(dialect='duckdb')}"
            f" GROUP BY {target.alias_or_name}.rowid HAVING count(*) > 1 LIMIT 1"
        )
        if found.fetchone() is not None:
            raise ValidationError("UPDATE/MERGE must match at most one source row for each target row")

    @staticmethod
    def _require(context: AppContext, project: str, dataset: str, table: str) -> None:
        if context.catalog.get_table(project, dataset, table) is None:
            raise NotFoundError(f"Not found: Table {project}:{dataset}.{table}")

    def _reference(self, table: exp.Table) -> str:
        reference = quoted_table_ref(table.catalog or self.target[0], table.db, table.name)
        return f'{reference} AS "{table.alias_or_name}"'

    def statistics(self, touched: int, rows_before: int, rows_after: int) -> Json:
        """BigQuery's `dmlStats`. A MERGE that deletes too could not be told apart, and is refused before."""
        deleted = touched if isinstance(self.statement, exp.Delete) else 0
        inserted = rows_after - rows_before + deleted
        counts = {"inserted": inserted, "updated": touched - inserted - deleted, "deleted": deleted}
        return {f"{kind}RowCount": str(count) for kind, count in counts.items()}


def parse_dml(sql: str, project: str) -> Dml | None:
    """The statement if it is one of these, else None. Raises ValidationError for a MERGE that deletes."""
    try:
        statement = sqlglot.parse_one(sql, dialect="bigquery")
    except sqlglot.ParseError:
        return None  # the emulator says what is wrong with it
    if not isinstance(statement, exp.Insert | exp.Update | exp.Delete | exp.Merge):
        return None
    if isinstance(statement, exp.Merge) and list(statement.find_all(exp.Delete)):
        raise ValidationError("The local BigQuery runs no MERGE that deletes")
    table = next(statement.this.find_all(exp.Table))
    return Dml(statement, (table.catalog or project, table.db, table.name))
