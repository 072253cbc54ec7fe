"""A staged parquet file, read a record batch at a time."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from cbi.errors import InvalidFile, Reason
from cbi.parquet.limits import Declared, check_declared, check_footer_size
from cbi.settings import DEFAULTS, Settings

# A record batch has about this many bytes, or this many rows where rows are narrow. Of thousands of columns
# it has more, this many bytes of a column: a smaller piece takes as long.
_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 1 << 16
_BATCH_COLUMN_BYTES = 8 << 10

# A file up to this size is fetched a row group at a time; of a larger one each column is read in pieces that
# together are as large. (What a footer says of single column chunks is not asked: pyarrow ends the process
# where that is damaged.)
_PREFETCHED_BYTES = 64 << 20


class Source(Protocol):
    """A flat file that can be read, also more than once: its columns, and how many rows it says it has."""

    @property
    def schema(self) -> pa.Schema: ...

    @property
    def rows(self) -> int: ...

    @property
    def created_by(self) -> str | None: ...

    def batches(
        self, columns: Sequence[str] | None = None, as_dictionary: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """Read the named top-level columns, or all, from the beginning; `as_dictionary` come as dictionaries.

        Raises InvalidFile where the file's bytes are at fault.
        """
        ...


class ParquetSource:
    """A parquet file open for reading; memory use is bounded by a batch and a few buffers.

    Whatever the file's bytes are at fault for is raised as InvalidFile with reason `unreadable_file`.
    """

    def __init__(self, file: pa.NativeFile, limits: Settings = DEFAULTS) -> None:
        """Read the footer. Raises InvalidFile, also where it declares more than the limits."""
        with raising_unreadable():
            check_footer_size(file, limits)
            metadata = pq.read_metadata(file)
            groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
            uncompressed = sum(group.total_byte_size for group in groups)
            check_declared(
                Declared(metadata.num_columns, metadata.num_rows, len(groups), uncompressed), limits
            )
            small = file.size() <= _PREFETCHED_BYTES
            self._parquet = pq.ParquetFile(
                file,
                metadata=metadata,
                pre_buffer=small,
                buffer_size=0 if small else max(_PREFETCHED_BYTES // max(metadata.num_columns, 1), 1 << 16),
                coerce_int96_timestamp_unit="us",
                page_checksum_verification=True,
            )
            self.schema: pa.Schema = self._parquet.schema_arrow
            self.rows: int = metadata.num_rows
            self.created_by: str | None = metadata.created_by
            sizes = [(group.num_rows, group.total_byte_size) for group in groups]
        row_bytes = max(8 * metadata.num_columns, uncompressed // max(self.rows, 1))
        batch_bytes = max(_BATCH_BYTES, _BATCH_COLUMN_BYTES * metadata.num_columns)
        self._batch_rows = max(1, min(_BATCH_ROWS, batch_bytes // max(row_bytes, 1)))
        self._windows = list(_windows(sizes, self._batch_rows, batch_bytes))

    def batches(
        self, columns: Sequence[str] | None = None, as_dictionary: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """Read the named top-level columns, or all, from the beginning; `as_dictionary` come as dictionaries.

        No more row groups are asked for at once than fill a batch, because the reader keeps what it fetched
        of all of them.
        """
        with raising_unreadable():
            for window in self._windows:
                for batch in self._parquet.iter_batches(
                    self._batch_rows, row_groups=window, columns=None if columns is None else list(columns)
                ):
                    yield with_dictionaries(batch, as_dictionary)


def _windows(sizes: Iterable[tuple[int, int]], most_rows: int, most_bytes: int) -> Iterator[list[int]]:
    """The numbers of row groups of these rows and bytes, as many at once as have this much at most."""
    window: list[int] = []
    all_rows = all_bytes = 0
    for number, (rows, size) in enumerate(sizes):
        if window and (all_rows + rows > most_rows or all_bytes + size > most_bytes):
            yield window
            window, all_rows, all_bytes = [], 0, 0
        window.append(number)
        all_rows += rows
        all_bytes += size
    if window:
        yield window


def with_dictionaries(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    """A record batch with these columns as dictionaries."""
    for name in columns:
        if not pa.types.is_dictionary(batch.schema.field(name).type):
            place = batch.schema.get_field_index(name)
            batch = batch.set_column(place, name, batch[name].dictionary_encode())
    return batch


_NO_THREAD = "Failed to launch worker thread"


@contextmanager
def raising_unreadable() -> Iterator[None]:
    """Raise as InvalidFile what pyarrow raises of a damaged file."""
    try:
        yield
    except MemoryError:  # which pyarrow's is, too
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        if _NO_THREAD in str(error):  # there is no room for its stack
            raise MemoryError(str(error)) from error
        message = f"the file cannot be read as parquet ({error}); write it again and drop it again"
        raise InvalidFile(Reason.UNREADABLE_FILE, message) from error
