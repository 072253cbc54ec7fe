"""The footer of a spliced file: the contract's tree, over column chunks old and new."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cbi.contract.feed import Field
from cbi.enrich.splice.plan import SplicePlan
from cbi.parquet import thrift
from cbi.parquet.column_chunk import PlacedChunk
from cbi.parquet.column_encoding import ColumnEncoding
from cbi.parquet.footer import encode_footer, group_element
from cbi.parquet.spec import ColumnOrder, FileMetaData, RowGroup, SortingColumn
from cbi.parquet.thrift import Struct

# Values are ordered as their type says.
_BY_TYPE = Struct({ColumnOrder.TYPE_ORDER: thrift.struct(Struct())}).encode()

# The writer stays the source's: readers go by it where they correct that writer's mistakes.
_FROM_SOURCE = (FileMetaData.VERSION, FileMetaData.CREATED_BY)

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
        # A reader that splits a file assigns a row group to the split that has its middle, reckoned from its
        # first chunk on. As the chunks lie anywhere in the file, the sum may point behind its end, into no
        # split at all: https://github.com/apache/parquet-java (filterFileMetaDataByMidpoint)
        compressed = min(compressed, 2 * (end - begin) - 2)
        fields = {
            RowGroup.COLUMNS: thrift.structs([chunk.raw for chunk in self.chunks]),
            RowGroup.TOTAL_BYTE_SIZE: thrift.i64(sum(chunk.uncompressed for chunk in self.chunks)),
            RowGroup.NUM_ROWS: thrift.i64(self.rows),
            RowGroup.FILE_OFFSET: thrift.i64(begin),
            RowGroup.TOTAL_COMPRESSED_SIZE: thrift.i64(compressed),
        }
        if self.sorting:
            fields[RowGroup.SORTING_COLUMNS] = thrift.structs(self.sorting)
        if ordinal < _MOST_ORDINALS:
            fields[RowGroup.ORDINAL] = thrift.i16(ordinal)
        return Struct(fields).encode()


def nested_footer(plan: SplicePlan, groups: Sequence[NestedGroup], end: int) -> bytes:
    """The end of a spliced file of these row groups, to be written at `end`."""
    source, schema = plan.file.footer, plan.nesting.feed.schema
    orders = source.column_orders
    if orders is not None:
        orders = [_BY_TYPE if leaf.reused is None else orders[leaf.reused] for leaf in plan.leaves]
    encodings = {leaf.leaf.path: leaf.encoding for leaf in plan.leaves}
    return encode_footer(
        Struct({field: source.struct[field] for field in _FROM_SOURCE if field in source.struct}),
        schema=[
            group_element(source.schema[0].name, len(schema), root=True),
            *_elements(schema, "", encodings),
        ],
        row_groups=[group.encode(ordinal, end) for ordinal, group in enumerate(groups)],
        rows=sum(group.rows for group in groups),
        key_values={},
        column_orders=orders,
    )


def sorting_columns(group: Struct, numbers: Mapping[int, int]) -> list[bytes]:
    """A row group's SortingColumns under other numbers, up to the first column that is not there any more."""
    sorted_by = []
    for raw in group.items_of(RowGroup.SORTING_COLUMNS) or ():
        sorting = Struct.decode(raw)
        number = numbers.get(sorting.integer(SortingColumn.COLUMN_IDX) or 0)
        if number is None:
            break
        sorted_by.append(sorting.replaced({SortingColumn.COLUMN_IDX: thrift.i32(number)}).encode())
    return sorted_by


def _elements(
    fields: Sequence[Field], prefix: str, encodings: Mapping[str, ColumnEncoding]
) -> Iterator[bytes]:
    """The schema elements of these fields, depth first."""
    for field in fields:
        path = prefix + field.name
        if field.fields:
            yield group_element(field.name, len(field.fields))
            yield from _elements(field.fields, path + ".", encodings)
        else:
            yield encodings[path].named(field.name)
