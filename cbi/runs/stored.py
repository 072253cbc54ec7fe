"""The records and reports of runs in the output bucket, as today's types whichever version wrote them."""

from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.runs.record import RunRecord
from cbi.runs.report import Report
from cbi.runs.upgrade import upgrade_record, upgrade_report


class StoredRuns:
    """What runs have written down. Records and reports are only created: the first one stands."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs

    def record(self, run_id: str) -> RunRecord | None:
        """What a run is to load by now, or None while nothing is decided."""
        first = self._read_record(Outputs.record(run_id))
        if first is not None and first.plan is not None and first.plan.spliced:
            return self._read_record(Outputs.second_record(run_id)) or first
        return first

    def write_record(self, record: RunRecord) -> RunRecord:
        """Write the first decision of a run, and return the one that stands."""
        return self._write_record(Outputs.record(record.file.run_id), record)

    def write_second_record(self, record: RunRecord) -> RunRecord:
        """Write what a run loads instead of a refused splice, and return the decision that stands."""
        return self._write_record(Outputs.second_record(record.file.run_id), record)

    def report(self, file: StagedFile) -> Report | None:
        """The report of a file's run, or None while there is none."""
        return self._outputs.read(Outputs.report(file), Report, upgrade_report)

    def write_report(self, file: StagedFile, report: Report) -> Report:
        """Write a run's report, and return the one that stands."""
        if self._outputs.create(Outputs.report(file), report.as_written()):
            return report
        return self.report(file) or report

    def _read_record(self, name: str) -> RunRecord | None:
        return self._outputs.read(name, RunRecord, upgrade_record)

    def _write_record(self, name: str, record: RunRecord) -> RunRecord:
        return record if self._outputs.create(name, record) else self._read_record(name) or record
