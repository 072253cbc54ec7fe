"""Ending a run that cannot be loaded for a cause outside of it."""

from cbi.deadline import Deadline
from cbi.ops.find_run import find_log
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
    file = find_log(pipeline, run_id).file
    pipeline.take(file, Step(steps.give_up, (file,)), deadline)
    published = pipeline.ingest(file, deadline=deadline)
    run = fold(pipeline.runs.log(file))
    return published if run.first else report_as_it_is(run, published)
