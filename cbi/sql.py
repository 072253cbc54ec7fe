"""Names and texts in SQL, always quoted: a column may well be called `group`."""

from collections.abc import Iterable


def quote_path(path: str, alias: str = "") -> str:
    """A column, or a field of a STRUCT such as `market.price`, as SQL; `alias` is the table's.

    https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#quoted_identifiers
    """
    names = [alias, *path.split(".")] if alias else path.split(".")
    return ".".join(map(quote, names))


def quote_table(table: str) -> str:
    """`project.dataset.table` as SQL, quoted as a whole: a project may have dots and a colon in its name."""
    return quote(table)


def select_statement(table: str, columns: Iterable[str]) -> str:
    """SQL for some columns of all rows of `project.dataset.table`."""
    return f"SELECT {comma_list(map(quote_path, columns))} FROM {quote_table(table)}"


def comma_list(items: Iterable[str]) -> str:
    return ", ".join(items)


def quote(name: str) -> str:
    return f"`{_escape(name, '`')}`"


def quote_text(value: str) -> str:
    """A string as SQL."""
    quote = "'"
    return f"{quote}{_escape(value, quote)}{quote}"


def _escape(value: str, quote: str) -> str:
    return value.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n").replace("\r", "\\r")
