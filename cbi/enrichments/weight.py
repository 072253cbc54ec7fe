"""The weight in training of the market regime that a row's date belongs to."""

import pyarrow as pa

from cbi.enrichments.enrichment import Basis, Enrichment, Rows


def _values(rows: Rows) -> pa.Array:
    return rows.run.calendar.weights.take(rows.regimes)


def _constant(rows: Rows) -> pa.Scalar | None:
    return None if rows.only_regime is None else rows.run.calendar.weights[rows.only_regime]


WEIGHT = Enrichment("weight", "INT64", Basis.REGIME, _values, _constant)
