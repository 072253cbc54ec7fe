"""Whether a file can be spliced, by what its footer says; any other is rewritten."""

from collections.abc import Iterable

from cbi.enrich.nest import Nesting
from cbi.enrich.splice.row_slices import RowSlice
from cbi.parquet.column_chunk import ColumnChunk
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.footer import RowGroup
from cbi.parquet.spec import Codec
from cbi.parquet.unsplicable import Unsplicable

# What BigQuery reads. The others are LZO, Brotli and the first LZ4.
# https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#parquet_compression
_CODECS = {Codec.UNCOMPRESSED, Codec.SNAPPY, Codec.GZIP, Codec.ZSTD, Codec.LZ4_RAW}

# A footer has about this much for each column chunk; less than that in all is never too much.
_DESCRIPTION_BYTES, _LARGE_FOOTER_BYTES = 100, 4 << 20

# To be cut, a row group is fetched as a whole.
_LARGEST_CUT_BYTES = 128 << 20


def refuse_unsplicable(file: FlatFile, nesting: Nesting) -> None:
    """Raise Unsplicable where the footer shows that column chunks cannot serve as they are."""
    footer = file.footer
    if footer.encrypted:
        raise Unsplicable("its columns are encrypted")
    if footer.rows != sum(group.rows for group in footer.row_groups):
        raise Unsplicable("its row groups have another number of rows than its footer says")
    names = [name for cast in nesting.casts.values() if (name := cast.place.flat_column) is not None]
    for name in names:
        if not file.column(name).is_flat:
            raise Unsplicable(f"its column {name} is nested or repeated")
    numbers = [file.leaf_number(name) for name in names]
    described = len(footer.row_groups) * len(nesting.feed.leaves) * _DESCRIPTION_BYTES
    if described > max(file.size, _LARGE_FOOTER_BYTES):
        raise Unsplicable(
            f"its {len(footer.row_groups):,} row groups are so small that a footer outweighs them"
        )
    for group in footer.row_groups:
        for number in numbers:
            _refuse_chunk(group.chunks[number], group, file.size)


def _refuse_chunk(chunk: ColumnChunk, group: RowGroup, file_size: int) -> None:
    if chunk.elsewhere:
        raise Unsplicable("its column chunks are in other files")
    if chunk.codec not in _CODECS:
        raise Unsplicable(f"it is compressed by codec {chunk.codec}, which BigQuery does not read")
    if chunk.values != group.rows:
        raise Unsplicable(f"a column has {chunk.values} values in a row group of {group.rows} rows")
    if group.rows and not 0 < chunk.first_page < chunk.end < file_size:
        raise Unsplicable("its footer tells of pages that are not in the file")


def refuse_large_cuts(file: FlatFile, slices: Iterable[RowSlice]) -> None:
    """Raise Unsplicable where memory would have to hold a large row group to cut it."""
    for row_slice in slices:
        group = file.footer.row_groups[row_slice.row_group]
        size = sum(chunk.compressed for chunk in group.chunks)
        if size > _LARGEST_CUT_BYTES and row_slice.rows != group.rows:
            raise Unsplicable(f"a row group of {size:,} bytes would have to be cut")
