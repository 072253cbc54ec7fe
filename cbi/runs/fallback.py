"""When BigQuery refuses a spliced file, the same rows are rewritten and loaded by another attempt.

What the run loads from then on is a second record of it, created like the first and only where its parts are
the first one's: those that are loaded already are not loaded again.
"""

from dataclasses import replace

from cbi.contract.parts import Part
from cbi.runs.outcome import LoadOutcome
from cbi.runs.preparation import Preparation, prepare
from cbi.runs.record import RunRecord


def rewrite_refused(needs: Preparation, record: RunRecord, loaded: LoadOutcome) -> RunRecord | None:
    """Decide a spliced run anew, rewritten; None where that would not be the same rows."""
    again = prepare(replace(needs, way="rewrite"), record.file)
    if again.failure is not None:
        return None if loaded.jobs else again
    if again.contract != record.contract or list(map(_rows, again.parts)) != list(map(_rows, record.parts)):
        return None
    assert loaded.failure is not None
    warning = f"the spliced file was not accepted, so it was rewritten ({loaded.failure.message})"
    return replace(again, refusals=1, warnings=(*again.warnings, warning))


def _rows(part: Part) -> Part:
    return replace(part, name="")
