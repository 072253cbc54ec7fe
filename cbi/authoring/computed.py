"""The leaves of a new contract that no file's column fills."""

from collections.abc import Mapping

from cbi.authoring.column_guess import Choice
from cbi.authoring.layout import DraftField
from cbi.authoring.names import Names
from cbi.enrichments.registry import ENRICHMENTS


def computed_leaves(names: Names, *, with_regime: bool) -> tuple[list[DraftField], Mapping[str, str]]:
    """Fields for what can be computed, under names that are free, and the `enrich` of the contract."""
    fields: list[DraftField] = []
    enrich: dict[str, str] = {}
    if with_regime:
        regime = names.legal("regime")
        inner = {"name": "regime", "weight": "weight"}
        members = tuple(DraftField(name, _choice(kind)) for name, kind in inner.items())
        fields.append(DraftField(regime, Choice("STRUCT"), fields=members))
        enrich |= {f"{regime}.{name}": kind for name, kind in inner.items()}
    for name, kind in (("ingestion_ts", "finalized_at"), ("run_id", "run_id")):
        path = names.legal(name)
        fields.append(DraftField(path, _choice(kind)))
        enrich[path] = kind
    return fields, enrich


def _choice(kind: str) -> Choice:
    return Choice(ENRICHMENTS[kind].field_type)
