"""What is made of a report for people, once it is written: nothing that a run depends on."""

import logging

from cbi.clients import storage_client
from cbi.errors import CbiError
from cbi.gcs.index import ObjectIndex
from cbi.runs.history import History
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.report import Report

_log = logging.getLogger(__name__)


def announce(pipeline: IngestionPipeline, report: Report) -> Report:
    """Enter a finished run into the history, and return its report.

    What fails here fails nothing: the report is there, and the sweep enters what is missing.
    """
    try:
        history_of(pipeline).add(report)
    except CbiError as error:
        _log.warning("run %s could not be entered into the history: %s", report.run_id, error)
    return report


def history_of(pipeline: IngestionPipeline) -> History:
    """The history of a pipeline's output bucket."""
    return History(ObjectIndex(storage_client(pipeline.settings), pipeline.outputs.bucket))
