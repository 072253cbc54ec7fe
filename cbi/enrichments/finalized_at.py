"""When the staged object was finished, which tells an older file's rows from a newer one's."""

import pyarrow as pa

from cbi.enrichments.enrichment import Role, RunFacts, constant_enrichment


def _value(run: RunFacts) -> pa.Scalar:
    return pa.scalar(run.finalized_at, pa.timestamp("us", tz="UTC"))


FINALIZED_AT = constant_enrichment("finalized_at", "TIMESTAMP", _value, Role.RECENCY)
