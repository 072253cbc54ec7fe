"""One parquet file of row groups that were encoded one by one."""

from typing import Any, Protocol

from cbi.parquet import thrift
from cbi.parquet.encode import EncodedGroup
from cbi.parquet.footer import MAGIC, Footer, encode_footer
from cbi.parquet.spec import RowGroup


class Writable(Protocol):
    """What bytes can be appended to."""

    def write(self, data: Any, /) -> object: ...


class JoinedFile:
    """A parquet file being written, a row group at a time; all must have the same schema."""

    def __init__(self, sink: Writable) -> None:
        self._sink = sink
        self._at = 0
        self._rows = 0
        self._groups: list[bytes] = []
        self._first: Footer | None = None

    def append(self, group: EncodedGroup) -> None:
        """Write a row group behind the others."""
        if self._first is None:
            self._first = group.footer
            self._write(MAGIC)
        begin = self._at
        placed = [chunk.place(chunk.found_at - len(MAGIC) + begin).raw for chunk in group.chunks]
        self._write(group.pages)
        (described,) = group.footer.row_groups
        moved = described.struct.replaced(
            {
                RowGroup.COLUMNS: thrift.structs(placed),
                RowGroup.FILE_OFFSET: thrift.i64(begin),
                RowGroup.ORDINAL: None,  # which is only needed to decrypt
            }
        )
        self._groups.append(moved.encode())
        self._rows += described.rows

    def finish(self) -> None:
        """Write the footer; a file without row groups stays empty."""
        if self._first is None:
            return
        footer = encode_footer(
            self._first.struct,
            schema=[element.struct.encode() for element in self._first.schema],
            row_groups=self._groups,
            rows=self._rows,
            key_values=self._first.key_values,
            column_orders=self._first.column_orders,
        )
        self._write(footer)

    def _write(self, data: bytes | memoryview) -> None:
        self._sink.write(data)
        self._at += len(data)
