"""The footer of a spliced file: the contract's tree, over column chunks old and new."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cbi.contract.feed import Feed, Field
from cbi.parquet.column_chunk import PlacedChunk
from cbi.parquet.column_encoding import Storage
from cbi.parquet.footer import Footer, encode_footer, group_element
from cbi.parquet.thrift import Struct, integer, sequence
from cbi.parquet.thrift_types import I16, I32, I64, LIST, STRUCT

# ColumnOrder's only member of old: values are ordered as their type says.
_BY_TYPE = Struct({1: (STRUCT, Struct().encode())}).encode()

# An ordinal has 16 bits; it is only needed to decrypt.
_MOST_ORDINALS = 1 << 15


@dataclass(frozen=True)
class NestedGroup:
    """A row group of the spliced file: its chunks in the order of the contract's leaves.

    `sorting` are its encoded SortingColumns.
    """

    rows: int
    chunks: Sequence[PlacedChunk]
    sorting: Sequence[bytes] = ()

    def encode(self, ordinal: int, end: int) -> bytes:
        """The row group of a file whose last page ends at `end`."""
        begin = self.chunks[0].first_page
        compressed = sum(chunk.compressed for chunk in self.chunks)
        # A reader that splits a file gives a row group to the split that has its middle, reckoned from its
        # first chunk on. As the chunks lie anywhere in the file, the sum may point behind its end, into no
        # split at all: https://github.com/apache/parquet-java (filterFileMetaDataByMidpoint)
        compressed = min(compressed, 2 * (end - begin) - 2)
        fields = {
            1: (LIST, sequence(STRUCT, [chunk.raw for chunk in self.chunks])),
            2: (I64, integer(sum(chunk.uncompressed for chunk in self.chunks))),
            3: (I64, integer(self.rows)),
            5: (I64, integer(begin)),
            6: (I64, integer(compressed)),
        }
        if self.sorting:
            fields[4] = LIST, sequence(STRUCT, self.sorting)
        if ordinal < _MOST_ORDINALS:
            fields[7] = I16, integer(ordinal)
        return Struct(fields).encode()


def nested_footer(
    source: Footer,
    feed: Feed,
    storages: Mapping[str, Storage],
    kept: Sequence[int | None],
    groups: Sequence[NestedGroup],
    end: int,
) -> bytes:
    """The end of a spliced file, to be written at `end`.

    `storages` tells by path how each leaf is stored, `kept` which leaf of the source it keeps, if any. The
    writer stays the source's: readers go by it when they mend that writer's mistakes.
    """
    source_orders = source.column_orders
    orders = source_orders and [_BY_TYPE if leaf is None else source_orders[leaf] for leaf in kept]
    return encode_footer(
        Struct({number: source.struct[number] for number in (1, 6) if number in source.struct}),
        schema=[
            group_element(source.schema[0].name, len(feed.schema), root=True),
            *_elements(feed.schema, "", storages),
        ],
        row_groups=[group.encode(ordinal, end) for ordinal, group in enumerate(groups)],
        rows=sum(group.rows for group in groups),
        key_values={},
        column_orders=orders,
    )


def sorting_columns(group: Struct, numbers: Mapping[int, int]) -> list[bytes]:
    """A row group's SortingColumns under other numbers, up to the first column that is not there any more."""
    kept = []
    for raw in group.items_of(4) or ():
        sorting = Struct.decode(raw)
        number = numbers.get(sorting.integer(1) or 0)
        if number is None:
            break
        kept.append(sorting.replaced({1: (I32, integer(number))}).encode())
    return kept


def _elements(fields: Sequence[Field], prefix: str, storages: Mapping[str, Storage]) -> list[bytes]:
    elements = []
    for field in fields:
        path = prefix + field.name
        if field.fields:
            elements.append(group_element(field.name, len(field.fields)))
            elements += _elements(field.fields, path + ".", storages)
        else:
            elements.append(storages[path].named(field.name))
    return elements
