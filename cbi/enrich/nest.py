"""One record batch, from the file's flat columns to the table's nested ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from cbi.contract.casts import Cast
from cbi.contract.feed import Feed, Field, Leaf
from cbi.enrichments.enrichment import Rows, RunFacts
from cbi.enrichments.registry import ENRICHMENTS


@dataclass(frozen=True)
class Nesting:
    """All that the nested rows depend on besides the flat ones.

    `casts` says of which of the contract's columns the file has, and how each becomes its leaf.
    """

    feed: Feed
    casts: Mapping[str, Cast]
    run: RunFacts

    @property
    def columns(self) -> tuple[str, ...]:
        """The file's top-level columns that leaves are filled from."""
        columns = (cast.place.column for cast in self.casts.values())
        return tuple(dict.fromkeys(column for column in columns if column is not None))

    def as_quarantined(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """A batch with the values that came from the object's name, as a replay has another name."""
        for source, cast in self.casts.items():
            if cast.place.value is not None and self.feed.sources[source].field.from_path is not None:
                batch = batch.append_column(source, cast.read(batch))
        return batch

    def rows(self, batch: pa.RecordBatch) -> Rows:
        """What enrichments look at in a record batch."""
        column = self.feed.date_column
        dates = None if column is None else self.casts[column].read(batch)
        return Rows(self.run, len(batch), dates)

    def nest(self, batch: pa.RecordBatch, rows: Rows) -> pa.RecordBatch:
        """A batch with its `rows` in the table's schema, in its order; leaves the file lacks are NULL."""
        leaves = {leaf.path: self._leaf(leaf, batch, rows) for leaf in self.feed.leaves}
        return pa.RecordBatch.from_arrays(
            _assemble(self.feed.schema, "", leaves), schema=self.feed.arrow_schema
        )

    def _leaf(self, leaf: Leaf, batch: pa.RecordBatch, rows: Rows) -> pa.Array:
        if leaf.enrichment is not None:
            values = ENRICHMENTS[leaf.enrichment].values(rows)
            return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        if leaf.source is not None and leaf.source in self.casts:
            return self.casts[leaf.source].read(batch)
        return pa.nulls(len(batch), leaf.field.to_arrow().type)


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
