"""Which row groups of float columns hold NaNs, which a spliced file must have as NULLs.

The pages of a column are looked at as they are stored, which takes a fraction of decoding it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from cbi.contract.casts import Cast
from cbi.enrich.nest import Nesting
from cbi.parquet.column_chunk import ColumnChunk
from cbi.parquet.column_encoding import reusable_encoding
from cbi.parquet.flat_file import FlatFile
from cbi.parquet.pages import Content, Page, UnknownPage, read_pages
from cbi.parquet.ranges import Segments
from cbi.parquet.spec import Encoding, Physical, Repetition, Statistics

# Chunks are fetched together up to this size; a larger one is fetched step by step.
_WINDOW_BYTES = 4 << 20

# While one window is fetched, others are looked at.
_WINDOWS_AT_ONCE = 4

# Row groups without a larger chunk are decoded: looking at a page takes longer than decoding so few values.
_SMALL_CHUNK = 128 << 10

# Of a row group this much is fetched and decoded at once: as many columns as have it at most.
_DECODED_BYTES = 32 << 20

# Of a number whose exponent is all ones (infinite, or none) the highest byte, but for the sign, and the least
# that the byte below can be: https://en.wikipedia.org/wiki/IEEE_754#Basic_and_interchange_formats
_HIGHEST_BYTE, _SIGNLESS = 0x7F, 0x7F
_LEAST_SECOND_BYTE = {pa.float32(): 0x80, pa.float64(): 0xF0}


@dataclass(frozen=True, eq=False)
class _FloatChunk:
    """A float column's chunk of a row group; `type` is that of its values, float32 or float64."""

    column: str
    row_group: int
    described: ColumnChunk
    type: pa.DataType
    required: bool


@dataclass(frozen=True)
class Nans:
    """The numbers of the row groups that hold NaNs, for each column that has any and could stay without; and
    of how many columns the pages were `searched` for them."""

    row_groups: Mapping[str, frozenset[int]]
    searched: int


def find_nans(file: FlatFile, nesting: Nesting, trusted: Collection[str]) -> Nans:
    """Find the NaNs that must become NULL.

    Columns that keep theirs are not read, nor those `trusted` to have none, nor chunks of which the
    statistics tell. Raises InvalidFile where a page cannot be read.
    """
    columns = [
        name
        for cast in nesting.casts.values()
        if types.is_floating(cast.found)
        and not cast.nan_kept
        and (name := cast.place.flat_column) is not None
        and name not in trusted
        and _is_reusable(file, name, cast)
    ]
    found, to_decode, to_search = list[_FloatChunk](), list[_FloatChunk](), list[_FloatChunk]()
    for chunks in _by_row_group(file, columns):
        if max(chunk.described.compressed for chunk in chunks) < _SMALL_CHUNK:
            # Asked only as far as needed: of many row groups, decoding all statistics takes long.
            if not all(_known_nans(chunk) is False for chunk in chunks):
                to_decode += chunks
        else:
            known = [_known_nans(chunk) for chunk in chunks]
            found += [chunk for chunk, nans in zip(chunks, known, strict=True) if nans]
            to_search += [chunk for chunk, nans in zip(chunks, known, strict=True) if nans is None]
    found += _search_decoded(file, to_decode)
    found += _search_pages(file, to_search)
    with_nans: dict[str, set[int]] = {}
    for chunk in found:
        with_nans.setdefault(chunk.column, set()).add(chunk.row_group)
    searched = {chunk.column for chunk in (*to_decode, *to_search)}
    return Nans({name: frozenset(numbers) for name, numbers in with_nans.items()}, len(searched))


def _is_reusable(file: FlatFile, name: str, cast: Cast) -> bool:
    return reusable_encoding(file.column(name).elements[0], cast.found, cast.wanted) is not None


def _by_row_group(file: FlatFile, columns: Sequence[str]) -> Iterator[list[_FloatChunk]]:
    """The chunks of these columns in each row group that has rows."""
    places = []
    for name in columns:
        element = file.column(name).elements[0]
        kind = pa.float32() if element.physical == Physical.FLOAT else pa.float64()
        required = element.repetition == Repetition.REQUIRED
        places.append((file.leaf_number(name), name, kind, required))
    for number, group in enumerate(file.footer.row_groups):
        if group.rows and places:
            yield [
                _FloatChunk(name, number, group.chunks[leaf], kind, required)
                for leaf, name, kind, required in places
            ]


def _known_nans(chunk: _FloatChunk) -> bool | None:
    """Whether a chunk holds NaNs, where its statistics say so."""
    statistics = chunk.described.statistics
    if statistics.integer(Statistics.NULL_COUNT) == chunk.described.values:
        return False
    nans = statistics.integer(Statistics.NAN_COUNT)
    return None if nans is None else nans > 0


def _search_decoded(file: FlatFile, chunks: Sequence[_FloatChunk]) -> Iterator[_FloatChunk]:
    """Those of the chunks that hold a NaN, found by decoding them; all columns of a row group are named."""
    by_place = {(chunk.column, chunk.row_group): chunk for chunk in chunks}
    columns = list(dict.fromkeys(chunk.column for chunk in chunks))
    numbers = list(dict.fromkeys(chunk.row_group for chunk in chunks))
    largest = max((chunk.described.compressed for chunk in chunks), default=1)
    at_once = max(_DECODED_BYTES // largest, 1)
    for first in range(0, len(columns), at_once):
        for group in file.row_groups(columns[first : first + at_once], numbers):
            names = set(columns[first : first + at_once])
            for batch in group.batches():
                for name in [name for name in names if _any_nan(batch[name])]:
                    names.remove(name)
                    yield by_place[name, group.number]


def _search_pages(file: FlatFile, chunks: Sequence[_FloatChunk]) -> Iterator[_FloatChunk]:
    """Those of the chunks that hold a NaN, found by looking at their pages as they are stored."""
    if chunks:
        with ThreadPoolExecutor(_WINDOWS_AT_ONCE) as pool:
            for found in pool.map(lambda window: _search_window(file, window), _windows(chunks)):
                yield from found


def _windows(chunks: Iterable[_FloatChunk]) -> Iterator[list[_FloatChunk]]:
    """The chunks in the order of the file, as many at once as are fetched together."""
    window: list[_FloatChunk] = []
    gathered = 0
    for chunk in sorted(chunks, key=lambda chunk: chunk.described.first_page):
        if window and gathered + chunk.described.compressed > _WINDOW_BYTES:
            yield window
            window, gathered = [], 0
        window.append(chunk)
        gathered += chunk.described.compressed
    if window:
        yield window


def _search_window(file: FlatFile, window: Sequence[_FloatChunk]) -> list[_FloatChunk]:
    if len(window) == 1 and window[0].described.compressed > _WINDOW_BYTES:
        return [chunk for chunk in window if _large_holds_nan(file, chunk)]
    fetched = file.fetch([chunk.described for chunk in window])
    return [chunk for chunk in window if _holds_nan(file, chunk, fetched)]


def _large_holds_nan(file: FlatFile, chunk: _FloatChunk) -> bool:
    """The same for a chunk of which only a part is held at once; if it is not understood it is read again."""
    try:
        return _pages_hold_nan(file.stream(chunk.described, _WINDOW_BYTES), chunk)
    except UnknownPage:
        (group,) = file.row_groups([chunk.column], [chunk.row_group])
        return any(_any_nan(batch[0]) for batch in group.batches())


def _holds_nan(file: FlatFile, chunk: _FloatChunk, fetched: Segments) -> bool:
    try:
        return _pages_hold_nan(fetched, chunk)
    except UnknownPage:
        group = file.fetched_group(chunk.row_group, chunk.column, fetched)
        return any(_any_nan(batch[0]) for batch in group.batches())


def _pages_hold_nan(content: Content, chunk: _FloatChunk) -> bool:
    return any(
        _page_holds_nan(page, chunk.type) for page in read_pages(content, chunk.described, chunk.required)
    )


def _page_holds_nan(page: Page, kind: pa.DataType) -> bool:
    width = kind.bit_width // 8
    count, rest = divmod(page.values.size, width)
    if rest:
        raise UnknownPage(f"a page has {page.values.size} bytes of values of {width} bytes")
    match page.encoding:
        case Encoding.PLAIN:
            values = _aligned(page.values, width)
            return _any_nan(pa.Array.from_buffers(kind, count, [None, values]))
        case Encoding.BYTE_STREAM_SPLIT:
            if _all_finite(page.values, count, kind):
                return False
            raise UnknownPage("infinite numbers and NaNs are told apart by other bytes")
    raise UnknownPage(f"a page has encoding {page.encoding}")


def _any_nan(values: pa.Array) -> bool:
    return bool(pc.any(pc.is_nan(values)).as_py())


def _aligned(values: pa.Buffer, width: int) -> pa.Buffer:
    """The same bytes where Arrow's functions may read them as numbers."""
    return values if values.address % width == 0 else pa.py_buffer(values.to_pybytes())


def _all_finite(values: pa.Buffer, count: int, kind: pa.DataType) -> bool:
    """Whether all numbers are finite, whose first bytes are stored first, then the second, and so on."""
    highest, second = (
        pa.Array.from_buffers(pa.uint8(), count, [None, values.slice(values.size - place * count, count)])
        for place in (1, 2)
    )
    exponent = pc.and_(
        pc.equal(pc.bit_wise_and(highest, pa.scalar(_SIGNLESS, pa.uint8())), _HIGHEST_BYTE),
        pc.greater_equal(second, _LEAST_SECOND_BYTE[kind]),
    )
    return not pc.any(exponent).as_py()
