"""One record batch, from the file's flat columns to the table's nested ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from cbi.contract.casts import MICROSECONDS, Cast
from cbi.contract.feed import Feed, Field
from cbi.lookups.regime_calendar import RegimeCalendar


@dataclass(frozen=True)
class Nesting:
    """All that the nested rows depend on besides the flat ones.

    `casts` says of which of the contract's columns the file has, and how each becomes its leaf.
    """

    feed: Feed
    casts: Mapping[str, Cast]
    calendar: RegimeCalendar
    finalized_at: datetime
    run_id: str

    def regimes(self, batch: pa.RecordBatch) -> pa.Array:
        """The number of each row's regime in the calendar (int16), NULL where its date has none."""
        column = self.feed.date_column
        if column is None or not self.feed.needs_regime:
            return pa.nulls(len(batch), pa.int16())
        return self.calendar.lookup(self.dates(batch, column))

    def dates(self, batch: pa.RecordBatch, column: str) -> pa.Array:
        return self.casts[column].apply(batch[column])

    def nest(self, batch: pa.RecordBatch, regimes: pa.Array) -> pa.RecordBatch:
        """The rows in the table's schema, in the table's order; leaves the file lacks are NULL."""
        leaves = dict(self._leaves(batch, regimes))
        return pa.RecordBatch.from_arrays(
            _assemble(self.feed.schema, "", leaves), schema=self.feed.arrow_schema
        )

    def _leaves(self, batch: pa.RecordBatch, regimes: pa.Array) -> Iterator[tuple[str, pa.Array]]:
        rows = len(batch)
        enrichments = {
            "regime": lambda: self.calendar.names.take(regimes),
            "weight": lambda: self.calendar.weights.take(regimes),
            "finalized_at": lambda: pa.repeat(pa.scalar(self.finalized_at, MICROSECONDS), rows),
            "run_id": lambda: pa.repeat(pa.scalar(self.run_id), rows),
        }
        for leaf in self.feed.leaves:
            if leaf.enrichment is not None:
                yield leaf.path, enrichments[leaf.enrichment]()
            elif leaf.source is not None and leaf.source in self.casts:
                yield leaf.path, self.casts[leaf.source].apply(batch[leaf.source])
            else:
                yield leaf.path, pa.nulls(rows, leaf.field.to_arrow().type)


# Not a closure inside `nest`: one that calls itself keeps a batch's arrays until cyclic garbage is collected.
def _assemble(fields: Sequence[Field], prefix: str, leaves: Mapping[str, pa.Array]) -> list[pa.Array]:
    """The arrays of these fields, STRUCTs put together from their leaves, which are named by path."""
    return [
        pa.StructArray.from_arrays(
            _assemble(field.fields, f"{prefix}{field.name}.", leaves),
            fields=[child.to_arrow() for child in field.fields],
        )
        if field.fields
        else leaves[prefix + field.name]
        for field in fields
    ]
