"""Where a run's rows go, and how: what its record pins of the feed's contract."""

from dataclasses import dataclass
from typing import Any, Self

from cbi.contract.feed import Feed, WriteMode
from cbi.enrichments.enrichment import Role
from cbi.enrichments.registry import ENRICHMENTS


@dataclass(frozen=True)
class Target:
    """A feed's table, `dataset.table`, with its schema in the API's form.

    `key` and the rest name columns of the table. `newest_by` is the column that says when a row's file was
    finalised, so that a merge never puts an older file's row over a newer's.
    """

    feed: str
    table: str
    schema: tuple[dict[str, Any], ...]
    write: WriteMode
    key: tuple[str, ...]
    partition_by: str | None
    newest_by: str | None
    run_column: str | None

    @classmethod
    def of(cls, feed: Feed) -> Self:
        filled = {ENRICHMENTS[kind].role: path for path, kind in feed.enrich.items()}
        return cls(
            feed=feed.name,
            table=feed.table,
            schema=tuple(field.to_api() for field in feed.schema),
            write=feed.write,
            key=tuple(feed.sources[column].path for column in feed.key),
            partition_by=feed.partition_by,
            newest_by=filled.get(Role.RECENCY),
            run_column=filled.get(Role.RUN),
        )

    @property
    def upserts(self) -> bool:
        return self.write == "upsert"
