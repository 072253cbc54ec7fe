"""Which run left a quarantine file, which has it in its name."""

import re

from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import QUARANTINE
from cbi.runs.protocol.log import Run, fold
from cbi.runs.stored import StoredRuns

_CUT = re.compile(r"-([0-9a-f]{24})$")


def origin_of(runs: StoredRuns, file: StagedFile, staging_bucket: str) -> Run | None:
    """The run that left a quarantine file; None where nothing is known of it any more.

    That may have been of a quarantine file itself. Raises Transient and Misconfigured.
    """
    name, _, end = file.name.removeprefix(QUARANTINE).rpartition("/")
    bucket = file.bucket if name.startswith(QUARANTINE) else staging_bucket
    generation = end.partition(".")[0]
    log = runs.log_of(StagedFile(bucket, name, int(generation)).run_id) if generation.isdecimal() else None
    if log is None and (cut := _CUT.search(name)):  # a long name is cut, and the run's id takes its end
        log = runs.log_of(cut[1])
    return None if log is None else fold(log)
