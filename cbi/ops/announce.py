"""What is made of a report for people, once it is written: nothing that a run depends on."""

import logging

from cbi.clients import storage_client
from cbi.errors import CbiError
from cbi.gcs.identity import StagedFile
from cbi.gcs.index import ObjectIndex
from cbi.gcs.media_types import HTML
from cbi.gcs.outputs import Outputs
from cbi.runs.history import History
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.report import Report

_log = logging.getLogger(__name__)


def announce(pipeline: IngestionPipeline, report: Report) -> Report:
    """Enter a finished run into the history, write its page, and return its report.

    What fails here fails nothing: the report is there, and the sweep enters what is missing in the history.
    """
    try:
        history_of(pipeline).add(report)
        if pipeline.settings.report_page == "on":
            _write_page(pipeline, report)
    except CbiError as error:
        _log.warning("run %s has its report, but could not be announced: %s", report.run_id, error)
    return report


def _write_page(pipeline: IngestionPipeline, report: Report) -> None:
    from cbi.view.page import report_page  # compiles a template, which is no part of a cold start

    file = StagedFile.at(report.source.uri, report.source.generation)
    page = report_page(report, Outputs.report(file).rpartition("/")[2])
    pipeline.store.create(pipeline.outputs.bucket, Outputs.page(file), page.encode(), HTML)


def history_of(pipeline: IngestionPipeline) -> History:
    """The history of a pipeline's output bucket."""
    return History(ObjectIndex(storage_client(pipeline.settings), pipeline.outputs.bucket))
