"""The column chunks that a staged file does not have: regimes, constants, NULLs and casts."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pyarrow as pa

from cbi.contract.feed import Leaf
from cbi.enrich.nest import Nesting
from cbi.enrichments.enrichment import Enrichment, Rows
from cbi.enrichments.registry import ENRICHMENTS
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
        run = self._nesting.run
        batches = [Rows(run, rows, None)]
        if dates is not None:
            batches = [Rows(run, len(chunk), chunk) for chunk in dates.chunks if len(chunk)]

        def make(leaf: Leaf, storage: Storage) -> Encoded:
            if leaf.enrichment is not None:
                return self._enrichment(ENRICHMENTS[leaf.enrichment], batches, rows, storage)
            if leaf.source is not None and leaf.source in self._nesting.casts:
                assert group is not None
                with self._reading:
                    column = group.column(leaf.source)
                return self._cast(column, leaf.source, storage)
            return self._constant(pa.scalar(None, leaf.field.to_arrow().type), rows, storage)

        # A regime's name often fills two leaves: it is encoded once.
        keys = [(leaf.enrichment, leaf.enrichment or leaf.path, storage.required) for leaf, storage in leaves]
        distinct = dict(zip(keys, leaves, strict=True))
        if rows < _CHUNK_ROWS:  # so few are encoded before a thread has started
            made = {key: make(*each) for key, each in distinct.items()}
        else:
            with ThreadPoolExecutor(_COLUMNS_AT_ONCE) as pool:
                made = dict(zip(distinct, pool.map(lambda each: make(*each), distinct.values()), strict=True))
        return [made[key] for key in keys]

    def _enrichment(
        self, enrichment: Enrichment, batches: Sequence[Rows], rows: int, storage: Storage
    ) -> Encoded:
        constants = {enrichment.constant(batch) for batch in batches}
        constant = constants.pop()
        if constant is not None and not constants:
            return self._constant(constant, rows, storage)
        values = pa.chunked_array([enrichment.values(batch) for batch in batches])
        return encode([(values, storage.required)])[0]

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

    def _cast(self, column: pa.ChunkedArray, source: str, storage: Storage) -> Encoded:
        cast = self._nesting.casts[source]
        chunks = [cast.apply(chunk).cast(storage.arrow) for chunk in column.chunks]
        return encode([(pa.chunked_array(chunks, storage.arrow), storage.required)])[0]


def _repeated(value: pa.Scalar, rows: int) -> pa.Array:
    if pa.types.is_string(value.type) and value.is_valid:  # which Arrow would otherwise hash row by row
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), rows), pa.array([value]))
    return pa.repeat(value, rows)
