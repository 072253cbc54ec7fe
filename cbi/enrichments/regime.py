"""The name of the market regime that a row's date belongs to."""

import pyarrow as pa

from cbi.enrichments.enrichment import Basis, Enrichment, Rows


def _values(rows: Rows) -> pa.Array:
    # Names are few: as a dictionary they are encoded several times as fast.
    return pa.DictionaryArray.from_arrays(rows.regimes, rows.run.calendar.names)


def _constant(rows: Rows) -> pa.Scalar | None:
    return None if rows.only_regime is None else rows.run.calendar.names[rows.only_regime]


REGIME = Enrichment("regime", "STRING", Basis.REGIME, _values, _constant)
