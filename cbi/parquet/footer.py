"""Parquet's footer: the schema, and where each column's bytes are.

Whatever of a footer is not looked at here stays as the writer wrote it.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cbi.parquet import spec, thrift
from cbi.parquet.column_chunk import ColumnChunk, decode_chunk, decode_chunk_quickly
from cbi.parquet.spec import FileMetaData, KeyValue, Repetition
from cbi.parquet.thrift import MalformedThrift, Struct

MAGIC = b"PAR1"

TAIL_BYTES = 8
"""What ends a file: the footer's length in four bytes, and the magic number."""


# From this size on (some thousand column chunks) the quick decoder's patterns are worth compiling.
_LARGE = 200_000


@dataclass(frozen=True)
class SchemaElement:
    """A node of the schema's tree; `physical` is None for a group, and `children` 0 for a leaf."""

    struct: Struct
    name: str
    physical: int | None
    repetition: int | None
    children: int

    @classmethod
    def decode(cls, data: bytes) -> "SchemaElement":
        struct = Struct.decode(data)
        return cls(
            struct,
            name=(struct.binary(spec.SchemaElement.NAME) or b"").decode("utf-8", "replace"),
            physical=struct.integer(spec.SchemaElement.TYPE),
            repetition=struct.integer(spec.SchemaElement.REPETITION_TYPE),
            children=struct.integer(spec.SchemaElement.NUM_CHILDREN) or 0,
        )


def group_element(name: str, children: int, *, root: bool = False) -> bytes:
    """A group that is always there, as a schema element; the root has no repetition."""
    fields = {
        spec.SchemaElement.NAME: thrift.binary(name.encode()),
        spec.SchemaElement.NUM_CHILDREN: thrift.i32(children),
    }
    if not root:
        fields[spec.SchemaElement.REPETITION_TYPE] = thrift.i32(Repetition.REQUIRED)
    return Struct(fields).encode()


@dataclass(frozen=True)
class RowGroup:
    """A row group: its rows, and each leaf's column chunk in the order of the schema."""

    struct: Struct
    rows: int
    chunks: tuple[ColumnChunk, ...]

    def select(self, leaves: Iterable[int]) -> "RowGroup":
        """The row group with just these leaves' chunks; how its rows are sorted is left out."""
        unsorted = self.struct.replaced({spec.RowGroup.SORTING_COLUMNS: None})
        return RowGroup(unsorted, self.rows, tuple(self.chunks[leaf] for leaf in leaves))

    def encode(self) -> bytes:
        chunks = thrift.structs([chunk.raw for chunk in self.chunks])
        return self.struct.replaced({spec.RowGroup.COLUMNS: chunks}).encode()


@dataclass(frozen=True)
class Column:
    """A top-level column: its schema elements, depth first, and the numbers of its leaves."""

    elements: tuple[SchemaElement, ...]
    leaves: range

    @property
    def name(self) -> str:
        return self.elements[0].name

    @property
    def is_flat(self) -> bool:
        """Whether it has one value, or NULL, a row."""
        return len(self.elements) == 1 and self.elements[0].repetition != Repetition.REPEATED


@dataclass(frozen=True)
class Footer:
    """A file's footer, decoded as deep as it is looked at."""

    struct: Struct
    schema: tuple[SchemaElement, ...]
    row_groups: tuple[RowGroup, ...]

    @classmethod
    def decode(cls, data: bytes) -> "Footer":
        """Decode a footer without its length and magic number. Raises MalformedThrift."""
        chunk = decode_chunk_quickly if len(data) > _LARGE else decode_chunk

        def row_group(data: bytes, at: int) -> tuple[RowGroup, int]:
            struct, chunks, end = Struct.decode_at(data, at, spec.RowGroup.COLUMNS, chunk)
            return RowGroup(struct, struct.integer(spec.RowGroup.NUM_ROWS) or 0, tuple(chunks)), end

        with _collector_paused():
            struct, row_groups, end = Struct.decode_at(data, 0, FileMetaData.ROW_GROUPS, row_group)
        if end != len(data):
            raise MalformedThrift(f"the footer ends after {end} of its {len(data)} bytes")
        schema = map(SchemaElement.decode, struct.items_of(FileMetaData.SCHEMA) or ())
        return cls(struct, tuple(schema), tuple(row_groups))

    @property
    def rows(self) -> int:
        return self.struct.integer(FileMetaData.NUM_ROWS) or 0

    @property
    def created_by(self) -> str | None:
        text = self.struct.binary(FileMetaData.CREATED_BY)
        return None if text is None else text.decode("utf-8", "replace")

    @property
    def encrypted(self) -> bool:
        """Whether columns are encrypted, though the footer is not."""
        return FileMetaData.ENCRYPTION_ALGORITHM in self.struct

    @property
    def key_values(self) -> dict[bytes, bytes]:
        """The writer's own metadata."""
        pairs = map(Struct.decode, self.struct.items_of(FileMetaData.KEY_VALUE_METADATA) or ())
        return {pair.binary(KeyValue.KEY) or b"": pair.binary(KeyValue.VALUE) or b"" for pair in pairs}

    @property
    def column_orders(self) -> list[bytes] | None:
        """For each leaf, by which order its minima and maxima were found."""
        return self.struct.items_of(FileMetaData.COLUMN_ORDERS)

    def columns(self) -> list[Column]:
        """The children of the schema's root. Raises MalformedThrift where it is no tree."""
        columns: list[Column] = []
        at, leaf = 1, 0
        for _ in range(self.schema[0].children if self.schema else 0):
            begin, first_leaf, open_children = at, leaf, 1
            while open_children and at < len(self.schema):
                open_children += self.schema[at].children - 1
                leaf += self.schema[at].physical is not None
                at += 1
            if open_children:
                raise MalformedThrift("a group of the schema has fewer children than it says")
            columns.append(Column(self.schema[begin:at], range(first_leaf, leaf)))
        if at != len(self.schema):
            raise MalformedThrift("the schema has elements that belong to no column")
        return columns


def encode_footer(
    template: Struct,
    schema: Sequence[bytes],
    row_groups: Sequence[bytes],
    rows: int,
    key_values: dict[bytes, bytes],
    column_orders: Sequence[bytes] | None,
) -> bytes:
    """A file's end: a footer with its length and magic number.

    Whatever else a footer says is taken from `template`, another footer's struct.
    """
    pairs = [
        Struct({KeyValue.KEY: thrift.binary(key), KeyValue.VALUE: thrift.binary(value)}).encode()
        for key, value in key_values.items()
    ]
    footer = template.replaced(
        {
            FileMetaData.SCHEMA: thrift.structs(schema),
            FileMetaData.NUM_ROWS: thrift.i64(rows),
            FileMetaData.ROW_GROUPS: thrift.structs(row_groups),
            FileMetaData.KEY_VALUE_METADATA: thrift.structs(pairs) if pairs else None,
            FileMetaData.COLUMN_ORDERS: thrift.structs(column_orders) if column_orders else None,
        }
    ).encode()
    return footer + len(footer).to_bytes(4, "little") + MAGIC


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Decoding makes a great many objects and no garbage: looking for it took a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
