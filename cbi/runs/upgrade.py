"""What version 0.1 stored, under the keys it has now. Keys that a later version adds are passed over."""

from typing import Any

Stored = dict[str, Any]


def upgrade_record(stored: Stored) -> Stored:
    """A record's keys: once they all stood side by side."""
    if "decision" in stored:
        return stored
    target, enrichment = stored["target"], _upgrade_enrichment(stored["enrichment"])
    found = {
        "source": stored["source"],
        "feed": stored["feed"],
        "table": target and target["table"],
        "calendar": stored["calendar"],
        "validation": stored["validation"],
        "existing_keys": stored["existing_keys"],
        "warnings": stored["warnings"],
        "enrichment": enrichment,
        "timings": stored["timings"],
    }
    plan = {
        "target": target,
        "parts": stored["parts"],
        "inputs_digest": stored["contract"],
        "spliced": enrichment is not None and enrichment["strategy"] == "splice",
        "content_marker": stored["content_marker"],
        "quarantine_object": stored["skipped"],
        "temporary_objects": stored["leftovers"],
        "refusals": stored["refusals"],
    }
    failed, planned = {"type": "fail", "failure": stored["failure"]}, {"type": "plan", "plan": plan}
    decision = {**(planned if stored["failure"] is None else failed), "found": found}
    return {"file": stored["file"], "decision": decision, "cbi_version": None}


def upgrade_report(stored: Stored) -> Stored:
    return {"cbi_version": None, **stored, "enrichment": _upgrade_enrichment(stored["enrichment"])}


def _upgrade_enrichment(stored: Stored | None) -> Stored | None:
    if stored is None or "strategy" in stored:
        return stored
    return {**stored, "strategy": stored["way"], "fallback_reason": stored["why"]}
