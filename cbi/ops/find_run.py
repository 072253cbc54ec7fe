"""A run by what a person has of it: its id, its file's name or URI."""

import re

from cbi.errors import Misconfigured
from cbi.gcs.identity import STAGED_PREFIX, StagedFile
from cbi.gcs.outputs import REPORTS
from cbi.runs.pipeline import IngestionPipeline
from cbi.runs.protocol.log import Log, Undone
from cbi.runs.report import Report

_RUN_ID = re.compile(r"[0-9a-f]{24}")


def find_report(pipeline: IngestionPipeline, named: str) -> Report:
    """The report of a run id, or the newest one of a file: `x.parquet`, `staged/x.parquet` or its gs:// URI.

    Raises Misconfigured where there is none.
    """
    if _RUN_ID.fullmatch(named):
        log = pipeline.runs.log_of(named)
        file = log.file if log is not None else None
    else:
        file = _newest(pipeline, named)
    report = pipeline.runs.report(file) if file is not None else None
    if report is None:
        raise Misconfigured(
            f"there is no report of {named}: give a run's id or a staged file's name; `python -m cbi runs`"
            " lists what there is"
        )
    return report


def find_log(pipeline: IngestionPipeline, run_id: str) -> Log:
    """The log of a run. Raises Misconfigured where there is none of this id."""
    log = pipeline.runs.log_of(run_id)
    if log is None:
        raise Misconfigured(f"there is no run {run_id}; `python -m cbi runs` lists their ids")
    return log


def find_undo(pipeline: IngestionPipeline, run_id: str) -> Undone | None:
    """How many rows were removed when a run was undone, or None where it was not."""
    log = pipeline.runs.log_of(run_id)
    return next((entry for entry in log.entries if isinstance(entry, Undone)), None) if log else None


def _newest(pipeline: IngestionPipeline, named: str) -> StagedFile | None:
    """The newest generation of a staged file that has a report."""
    bucket = pipeline.settings.require_staging_bucket()
    name = named.removeprefix(f"gs://{bucket}/")
    if not name.startswith(STAGED_PREFIX):
        name = STAGED_PREFIX + name
    folder = f"{REPORTS}{name}/"
    names = (listed.file.name.removeprefix(folder) for listed in pipeline.outputs.list(folder))
    generations = [int(each.removesuffix(".json")) for each in names if re.fullmatch(r"\d+\.json", each)]
    return StagedFile(bucket, name, max(generations)) if generations else None
