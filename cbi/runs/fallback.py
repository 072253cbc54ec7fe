"""When BigQuery refuses a spliced file, the same rows are rewritten and loaded by another attempt.

What the run loads from then on is a second record of it, created like the first and only where its parts are
the first one's: those that are loaded already are not loaded again.
"""

from dataclasses import replace

from cbi.contract.parts import Part
from cbi.runs.outcome import LoadOutcome
from cbi.runs.plan import LoadPlan
from cbi.runs.record import Failed, Planned, RunRecord


def decide_rewritten(refused: LoadPlan, loaded: LoadOutcome, rewritten: RunRecord) -> RunRecord | None:
    """What a run loads whose spliced parts were refused, once its file is prepared again, rewritten.

    None where the refusal stands, because that would not be the same rows.
    """
    decision = rewritten.decision
    if isinstance(decision, Failed):
        return None if loaded.jobs else rewritten
    again = decision.plan
    if again.inputs_digest != refused.inputs_digest or _rows(again.parts) != _rows(refused.parts):
        return None
    warning = f"the spliced file was not accepted, so it was rewritten ({loaded.refusal})"
    found = replace(decision.found, warnings=(*decision.found.warnings, warning))
    return replace(rewritten, decision=Planned(found, replace(again, refusals=1)))


def _rows(parts: tuple[Part, ...]) -> list[Part]:
    return [replace(part, name="") for part in parts]
