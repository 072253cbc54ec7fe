"""Ending a run that cannot be loaded for a cause outside of it."""

from cbi.deadline import Deadline
from cbi.errors import Misconfigured
from cbi.ops.replay import report_as_it_is
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.protocol import steps
from cbi.runs.protocol.log import fold
from cbi.runs.protocol.step import Step
from cbi.runs.report import Report


def give_up(pipeline: IngestionPipeline, run_id: str, deadline: Deadline | None = None) -> Report:
    """Make sure that what is not loaded of a run never will be, but by a replay, and return its report.

    Once it has been replayed, that is what its report would say now.

    Raises Transient, and Misconfigured for a run that does not exist.
    """
    known = pipeline.runs.log_of(run_id)
    if known is None:
        raise Misconfigured(f"there is no run {run_id}; `python -m cbi runs` lists their ids")
    pipeline.take(known.file, Step(steps.give_up, (known.file,)), deadline)
    published = pipeline.ingest(known.file, deadline=deadline)
    run = fold(pipeline.runs.log(known.file))
    return published if run.first else report_as_it_is(run, published)
