"""The id of the run that loaded a row, by which its rows can be found and undone."""

import pyarrow as pa

from cbi.enrichments.enrichment import Role, RunFacts, constant_enrichment


def _value(run: RunFacts) -> pa.Scalar:
    return pa.scalar(run.run_id, pa.string())


RUN_ID = constant_enrichment("run_id", "STRING", _value, Role.RUN)
