"""Parquet's footer: the schema, and where each column's bytes are.

Field numbers are those of https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
Whatever of a footer is not looked at here stays as the writer wrote it.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

from cbi.parquet.column_chunk import ColumnChunk, decode_chunk, decode_chunk_quickly
from cbi.parquet.thrift import MalformedThrift, Struct, binary, integer, sequence
from cbi.parquet.thrift_types import BINARY, I32, I64, LIST, STRUCT

MAGIC = b"PAR1"

TAIL_BYTES = 8
"""What ends a file: the footer's length in four bytes, and the magic number."""


# From this size on (some thousand column chunks) the quick decoder's patterns are worth compiling.
_LARGE = 200_000


class Physical(IntEnum):
    """How values are stored."""

    BOOLEAN = 0
    INT32 = 1
    INT64 = 2
    INT96 = 3
    FLOAT = 4
    DOUBLE = 5
    BYTE_ARRAY = 6
    FIXED_LEN_BYTE_ARRAY = 7


class Repetition(IntEnum):
    """Whether a value is always there, may be NULL, or comes any number of times."""

    REQUIRED = 0
    OPTIONAL = 1
    REPEATED = 2


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
        name = (struct.binary(4) or b"").decode("utf-8", "replace")
        return cls(struct, name, struct.integer(1), struct.integer(3), struct.integer(5) or 0)


def group_element(name: str, children: int, *, root: bool = False) -> bytes:
    """A group that is always there, as a schema element; the root has no repetition."""
    fields = {4: (BINARY, binary(name.encode())), 5: (I32, integer(children))}
    if not root:
        fields[3] = (I32, integer(Repetition.REQUIRED))
    return Struct(fields).encode()


@dataclass(frozen=True)
class RowGroup:
    """A row group: its rows, and each leaf's column chunk in the order of the schema."""

    struct: Struct
    rows: int
    chunks: tuple[ColumnChunk, ...]

    def select(self, leaves: Iterable[int]) -> "RowGroup":
        """The row group with just these leaves' chunks; how its rows are sorted is left out."""
        return RowGroup(
            self.struct.replaced({4: None}), self.rows, tuple(self.chunks[leaf] for leaf in leaves)
        )

    def encode(self) -> bytes:
        chunks = sequence(STRUCT, [chunk.raw for chunk in self.chunks])
        return self.struct.replaced({1: (LIST, chunks)}).encode()


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
            struct, chunks, end = Struct.decode_at(data, at, 1, chunk)
            return RowGroup(struct, struct.integer(3) or 0, tuple(chunks)), end

        with _collector_paused():
            struct, row_groups, end = Struct.decode_at(data, 0, 4, row_group)
        if end != len(data):
            raise MalformedThrift(f"the footer ends after {end} of its {len(data)} bytes")
        return cls(struct, tuple(map(SchemaElement.decode, struct.items_of(2) or ())), tuple(row_groups))

    @property
    def rows(self) -> int:
        return self.struct.integer(3) or 0

    @property
    def created_by(self) -> str | None:
        text = self.struct.binary(6)
        return None if text is None else text.decode("utf-8", "replace")

    @property
    def encrypted(self) -> bool:
        """Whether columns are encrypted, though the footer is not."""
        return 8 in self.struct

    @property
    def key_values(self) -> dict[bytes, bytes]:
        """The writer's own metadata."""
        pairs = map(Struct.decode, self.struct.items_of(5) or ())
        return {pair.binary(1) or b"": pair.binary(2) or b"" for pair in pairs}

    @property
    def column_orders(self) -> list[bytes] | None:
        """For each leaf, by which order its minima and maxima were found."""
        return self.struct.items_of(7)

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

    `template` is a footer's struct, which gives what is not named here.
    """
    pairs = [
        Struct({1: (BINARY, binary(key)), 2: (BINARY, binary(value))}).encode()
        for key, value in key_values.items()
    ]
    footer = template.replaced(
        {
            2: (LIST, sequence(STRUCT, schema)),
            3: (I64, integer(rows)),
            4: (LIST, sequence(STRUCT, row_groups)),
            5: (LIST, sequence(STRUCT, pairs)) if pairs else None,
            7: (LIST, sequence(STRUCT, column_orders)) if column_orders else None,
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
