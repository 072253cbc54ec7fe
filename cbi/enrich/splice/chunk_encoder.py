"""The column chunks that a staged file does not have: regimes, constants, NULLs and casts."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from cbi.contract.casts import MICROSECONDS
from cbi.contract.feed import Leaf
from cbi.enrich.nest import Nesting
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.parquet.column_encoding import Storage
from cbi.parquet.encode import Encoded, encode, repeat
from cbi.parquet.flat_file import FetchedGroup

# Equal values are encoded once for so many rows, whose pages serve again and again.
_CHUNK_ROWS = 1 << 17

_COLUMNS_AT_ONCE = 2


class ChunkEncoder:
    """Makes the chunks of whole row groups; what is equal from one to the next is encoded once."""

    def __init__(self, nesting: Nesting) -> None:
        self._nesting = nesting
        self._constants: dict[tuple[object, ...], Encoded] = {}
        self._reading = Lock()

    def of_group(
        self,
        leaves: Sequence[tuple[Leaf, Storage]],
        rows: int,
        dates: pa.ChunkedArray | None,
        group: FetchedGroup | None,
    ) -> list[Encoded]:
        """The chunks of these leaves for a row group with these dates.

        `group` has the columns that are to be cast; None where no leaf has one.
        """
        regimes = None
        if dates is not None and any(leaf.enrichment in ("regime", "weight") for leaf, _ in leaves):
            regimes = _regimes(self._nesting.calendar, dates)

        def make(leaf: Leaf, storage: Storage) -> Encoded:
            if leaf.source is not None and leaf.source in self._nesting.casts:
                assert group is not None
                with self._reading:
                    column = group.column(leaf.source)
                return self._cast(column, leaf.source, storage)
            if leaf.enrichment in ("regime", "weight"):
                assert regimes is not None
                return self._regime(leaf.enrichment, regimes, rows, storage)
            return self._constant(self._value(leaf), rows, storage)

        # A regime's name often fills two leaves: it is encoded once.
        keys = [(leaf.enrichment or leaf.path, storage.required) for leaf, storage in leaves]
        distinct = dict(zip(keys, leaves, strict=True))
        if rows < _CHUNK_ROWS:  # so few are encoded before a thread has started
            made = {key: make(*each) for key, each in distinct.items()}
        else:
            with ThreadPoolExecutor(_COLUMNS_AT_ONCE) as pool:
                made = dict(zip(distinct, pool.map(lambda each: make(*each), distinct.values()), strict=True))
        return [made[key] for key in keys]

    def _value(self, leaf: Leaf) -> pa.Scalar:
        if leaf.enrichment == "finalized_at":
            return pa.scalar(self._nesting.finalized_at, MICROSECONDS)
        if leaf.enrichment == "run_id":
            return pa.scalar(self._nesting.run_id)
        return pa.scalar(None, leaf.field.to_arrow().type)

    def _constant(self, value: pa.Scalar, rows: int, storage: Storage) -> Encoded:
        times, rest = divmod(rows, _CHUNK_ROWS)
        if not times:
            return self._encoded(value, rest, storage)
        last = self._encoded(value, rest, storage) if rest else None
        return repeat(self._encoded(value, _CHUNK_ROWS, storage), times, last)

    def _encoded(self, value: pa.Scalar, rows: int, storage: Storage) -> Encoded:
        key = value.as_py(), value.type, rows, storage.required
        if key not in self._constants:
            self._constants[key] = encode([(_repeated(value, rows), storage.required)])[0]
        return self._constants[key]

    def _regime(
        self, kind: str, regimes: pa.Scalar | pa.ChunkedArray, rows: int, storage: Storage
    ) -> Encoded:
        calendar = self._nesting.calendar
        values = calendar.names if kind == "regime" else calendar.weights
        if isinstance(regimes, pa.Scalar):
            return self._constant(values[regimes.as_py()], rows, storage)
        if kind == "regime":
            chunks = [pa.DictionaryArray.from_arrays(numbers, values) for numbers in regimes.chunks]
        else:
            chunks = [values.take(numbers) for numbers in regimes.chunks]
        return encode([(pa.chunked_array(chunks), storage.required)])[0]

    def _cast(self, column: pa.ChunkedArray, source: str, storage: Storage) -> Encoded:
        cast = self._nesting.casts[source]
        chunks = [cast.apply(chunk).cast(storage.arrow) for chunk in column.chunks]
        return encode([(pa.chunked_array(chunks, storage.arrow), storage.required)])[0]


def _regimes(calendar: RegimeCalendar, dates: pa.ChunkedArray) -> pa.Scalar | pa.ChunkedArray:
    """The number of each row's regime; a single one where the dates show that all rows have it."""
    extremes = pc.min_max(dates)
    first, last = extremes["min"].as_py(), extremes["max"].as_py()
    for each in calendar.ranges:
        if each.first <= first and last <= each.last:
            return calendar.lookup(pa.array([first], pa.date32()))[0]
    return pa.chunked_array([calendar.lookup(chunk) for chunk in dates.chunks], pa.int16())


def _repeated(value: pa.Scalar, rows: int) -> pa.Array:
    if pa.types.is_string(value.type) and value.is_valid:  # which Arrow would otherwise hash row by row
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), rows), pa.array([value]))
    return pa.repeat(value, rows)
