"""What version 0.1 stored, as this version stores it. Keys that a later version adds are passed over.

A run of version 0.1 wrote one record before it loaded anything, a second where a spliced file was refused,
and what came of undoing or replaying it into objects of their own.
"""

from dataclasses import dataclass
from typing import Any

from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs

Stored = dict[str, Any]


@dataclass(frozen=True)
class Earlier:
    """The objects of a run of version 0.1."""

    record: Stored
    rewritten: Stored | None
    report: Stored | None
    finished: Stored | None
    undone: Stored | None


def upgrade_log(earlier: Earlier) -> Stored:
    """The run's log. What it decided without writing it down follows from its reports."""
    record = earlier.rewritten or earlier.record
    entry = _upgrade_record(record)
    entries = [entry]
    if earlier.finished is not None:
        entries.append({"type": "done", "loaded": _loaded(earlier.finished)})
    elif entry["type"] == "plan" and earlier.report and earlier.report["reason"] == "load_failed":
        failure = {"reason": "load_failed", "message": earlier.report["message"]}
        entries.append({"type": "given_up", "failure": failure, "loaded": []})
        entries.append({"type": "replay", "epoch": 0})
    if (undone := earlier.undone) is not None:
        entries.append({"type": "undo"})
        at, rows = undone["finished_at"], undone["rows_deleted"]
        entries.append({"type": "undone", "at": at, "rows_deleted": rows})
    return {
        "file": earlier.record["file"],
        "entries": entries,
        "ignored_refusals": 1 if earlier.rewritten else 0,
        "cbi_version": None,
    }


def upgrade_report(stored: Stored) -> Stored:
    return {"cbi_version": None, **stored, "enrichment": _upgrade_enrichment(stored["enrichment"])}


def _upgrade_record(stored: Stored) -> Stored:
    """The entry that a record was."""
    if "decision" in stored:
        decision: Stored = stored["decision"]
        if decision["type"] == "fail":
            return decision
        claim = _claim(decision["plan"]["content_marker"], decision["found"]["feed"], stored)
        return {**decision, "plan": {**decision["plan"], "claim": claim}}
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
    if stored["failure"] is not None:
        return {"type": "fail", "found": found, "failure": stored["failure"]}
    plan = {
        "target": target,
        "parts": stored["parts"],
        "inputs_digest": stored["contract"],
        "claim": _claim(stored["content_marker"], stored["feed"], stored),
        "spliced": enrichment is not None and enrichment["strategy"] == "splice",
        "quarantine_object": stored["skipped"],
        "temporary_objects": stored["leftovers"],
    }
    return {"type": "plan", "found": found, "plan": plan}


def _claim(marker: str | None, feed: str, stored: Stored) -> str:
    """Where a run's bytes are claimed; a feed that may load bytes again had no marker of them."""
    return marker or Outputs.run_claim(feed, StagedFile(**stored["file"]).run_id)


def _loaded(finished: Stored) -> list[Stored]:
    """All parts, by the jobs of the report that a replay has left."""
    jobs = finished["load_jobs"]
    return [{"number": number, "job": job} for number, job in enumerate(jobs)]


def _upgrade_enrichment(stored: Stored | None) -> Stored | None:
    if stored is None or "strategy" in stored:
        return stored
    return {**stored, "strategy": stored["way"], "fallback_reason": stored["why"]}
