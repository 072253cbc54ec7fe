"""One record batch, from the file's flat columns to the table's nested ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from cbi.contract.casts import Cast
from cbi.contract.feed import Feed, Field, Leaf
from cbi.contract.place import Place
from cbi.contract.unsafe_cast import UnsafeCast
from cbi.enrichments.enrichment import Enrichment, Rows, RunFacts
from cbi.enrichments.registry import ENRICHMENTS


@dataclass(frozen=True)
class Nesting:
    """All that the nested rows depend on besides the flat ones.

    `casts` says of which of the contract's columns the file has, and how each becomes its leaf; `rescued`
    where the columns are that go into one leaf as they are.
    """

    feed: Feed
    casts: Mapping[str, Cast]
    run: RunFacts
    rescued: Mapping[str, Place] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The file's top-level columns that leaves are filled from."""
        columns = [cast.place.column for cast in self.casts.values()]
        columns += self.rescued_columns
        return tuple(dict.fromkeys(column for column in columns if column is not None))

    @property
    def rescued_columns(self) -> list[str]:
        """The top-level columns that are rescued, or of which fields are."""
        return [place.column for place in self.rescued.values() if place.column is not None]

    def unknown(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        """The columns of a batch that are rescued, under the names they have in the file."""
        if not self.rescued:
            return None
        return pa.RecordBatch.from_arrays(
            [place.values(batch) for place in self.rescued.values()], list(self.rescued)
        )

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
        return Rows(self.run, len(batch), dates, self.unknown(batch))

    def nest(self, batch: pa.RecordBatch, rows: Rows) -> pa.RecordBatch:
        """A batch with its `rows` in the table's schema, in its order; leaves the file lacks are NULL."""
        leaves = {leaf.path: self._leaf(leaf, batch, rows) for leaf in self.feed.leaves}
        return pa.RecordBatch.from_arrays(
            _assemble(self.feed.schema, "", leaves), schema=self.feed.arrow_schema
        )

    def _leaf(self, leaf: Leaf, batch: pa.RecordBatch, rows: Rows) -> pa.Array:
        if leaf.enrichment is not None:
            values = enriched(ENRICHMENTS[leaf.enrichment], rows)
            return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        if leaf.source is not None and leaf.source in self.casts:
            return self.casts[leaf.source].read(batch)
        return pa.nulls(len(batch), leaf.field.to_arrow().type)


def enriched(enrichment: Enrichment, rows: Rows) -> pa.Array:
    """An enrichment's values. Raises UnsafeCast where text of an unknown column is not UTF-8."""
    try:
        return enrichment.values(rows)
    except UnicodeDecodeError as error:
        raise UnsafeCast(f"an unknown column has text that is not UTF-8: {error}") from error


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
