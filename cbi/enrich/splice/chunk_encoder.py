"""The column chunks that a staged file does not have: enrichments, NULLs and casts."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pyarrow as pa

from cbi.contract.casts import Cast
from cbi.enrich.nest import Nesting, enriched
from cbi.enrich.splice.plan import PlannedLeaf
from cbi.enrichments.enrichment import Basis, Enrichment, Rows
from cbi.enrichments.registry import ENRICHMENTS
from cbi.parquet.column_encoding import ColumnEncoding
from cbi.parquet.encode import Encoded, encode, repeat
from cbi.parquet.flat_file import FetchedGroup

# Equal values are encoded once for this many rows, whose pages are repeated.
_CHUNK_ROWS = 1 << 17

_COLUMNS_AT_ONCE = 2


class ChunkEncoder:
    """Encodes chunks of whole row groups; what is equal from one to the next is encoded once."""

    def __init__(self, nesting: Nesting) -> None:
        self._nesting = nesting
        self._constants: dict[tuple[object, ...], Encoded] = {}
        self._reading = Lock()

    def encode_group(
        self,
        leaves: Sequence[PlannedLeaf],
        rows: int,
        dates: pa.ChunkedArray | None,
        fetched: FetchedGroup | None,
    ) -> list[Encoded]:
        """The chunks of these leaves for a row group with these dates.

        `fetched` has the columns that are to be cast; None where no leaf has one.
        """
        run = self._nesting.run
        batches = [Rows(run, rows, None)]
        if dates is not None:
            batches = [Rows(run, len(chunk), chunk) for chunk in dates.chunks if len(chunk)]

        def encode_leaf(planned: PlannedLeaf) -> Encoded:
            leaf, encoding = planned.leaf, planned.encoding
            if leaf.enrichment is not None and ENRICHMENTS[leaf.enrichment].based_on is Basis.UNKNOWN_COLUMNS:
                return self._unknown(ENRICHMENTS[leaf.enrichment], rows, fetched, encoding)
            if leaf.enrichment is not None:
                return self._enrichment(ENRICHMENTS[leaf.enrichment], batches, encoding)
            cast = self._nesting.casts.get(leaf.source or "")
            if cast is not None and cast.place.value is not None:
                return self._constant(cast.place.value, rows, encoding)
            if cast is not None:
                assert fetched is not None
                return self._cast(fetched, cast, encoding)
            return self._constant(pa.scalar(None, leaf.field.to_arrow().type), rows, encoding)

        # A regime's name often fills two leaves: it is encoded once.
        distinct = {_content(leaf): leaf for leaf in leaves}
        if rows < _CHUNK_ROWS:  # so few are encoded before a thread has started
            encoded = list(map(encode_leaf, distinct.values()))
        else:
            with ThreadPoolExecutor(_COLUMNS_AT_ONCE) as pool:
                encoded = list(pool.map(encode_leaf, distinct.values()))
        chunks = dict(zip(distinct, encoded, strict=True))
        return [chunks[_content(leaf)] for leaf in leaves]

    def _enrichment(
        self, enrichment: Enrichment, batches: Sequence[Rows], encoding: ColumnEncoding
    ) -> Encoded:
        constants = {enrichment.constant(batch) for batch in batches}
        constant = constants.pop()
        if constant is not None and not constants:
            return self._constant(constant, sum(batch.count for batch in batches), encoding)
        values = pa.chunked_array([enrichment.values(batch) for batch in batches])
        return encode([(values, encoding.required)])[0]

    def _unknown(
        self, enrichment: Enrichment, rows: int, fetched: FetchedGroup | None, encoding: ColumnEncoding
    ) -> Encoded:
        """The leaf with the columns that the contract does not have."""
        nesting = self._nesting
        if fetched is None or not nesting.rescued:
            return self._constant(pa.scalar(None, pa.string()), rows, encoding)
        with self._reading:
            read = list(fetched.batches())
        batches = [Rows(nesting.run, len(batch), None, nesting.unknown(batch)) for batch in read]
        values = pa.chunked_array([enriched(enrichment, batch) for batch in batches], pa.string())
        return encode([(values, encoding.required)])[0]

    def _cast(self, fetched: FetchedGroup, cast: Cast, encoding: ColumnEncoding) -> Encoded:
        with self._reading:
            column = fetched.column(cast.place.column or "")
        values = (cast.apply(cast.place.inside(chunk)) for chunk in column.chunks)
        chunks = [chunk.cast(encoding.arrow) for chunk in values]
        return encode([(pa.chunked_array(chunks, encoding.arrow), encoding.required)])[0]

    def _constant(self, value: pa.Scalar, rows: int, encoding: ColumnEncoding) -> Encoded:
        times, rest = divmod(rows, _CHUNK_ROWS)
        if not times:
            return self._encode_constant(value, rest, encoding)
        last = self._encode_constant(value, rest, encoding) if rest else None
        return repeat(self._encode_constant(value, _CHUNK_ROWS, encoding), times, last)

    def _encode_constant(self, value: pa.Scalar, rows: int, encoding: ColumnEncoding) -> Encoded:
        key = value.as_py(), value.type, rows, encoding.required
        if key not in self._constants:
            self._constants[key] = encode([(_repeated(value, rows), encoding.required)])[0]
        return self._constants[key]


def _content(planned: PlannedLeaf) -> tuple[object, ...]:
    """Leaves for which this is equal have equal chunks."""
    leaf = planned.leaf
    return leaf.enrichment, leaf.path if leaf.enrichment is None else None, planned.encoding.required


def _repeated(value: pa.Scalar, rows: int) -> pa.Array:
    if pa.types.is_string(value.type) and value.is_valid:  # which Arrow would otherwise hash row by row
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), rows), pa.array([value]))
    return pa.repeat(value, rows)
