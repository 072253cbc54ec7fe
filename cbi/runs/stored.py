"""The logs, claims, marks and reports of runs in the output bucket, whichever version wrote them."""

from collections.abc import Iterator
from typing import Any

import msgspec

import cbi
from cbi.decoding import ready
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import PENDING, Outputs
from cbi.runs.protocol.log import Entry, Log, Replay, Run, Undo
from cbi.runs.protocol.requests import ContentClaim, Held, Pending, TakeClaim
from cbi.runs.report import Report
from cbi.runs.upgrade import Earlier, upgrade_log, upgrade_report


class StoredLog(msgspec.Struct, frozen=True):
    """A log as it is stored. `cbi_version` is that of whoever wrote it last."""

    file: StagedFile
    entries: tuple[Entry, ...]
    ignored_refusals: int = 0
    cbi_version: str | None = cbi.__version__


class _StoredClaim(msgspec.Struct, frozen=True):
    """A claim as it is stored. Those of version 0.1 have no epoch: their owners were in the first."""

    owner: StagedFile
    md5: str | None = None
    epoch: int = 0


class _StoredMark(msgspec.Struct, frozen=True):
    file: StagedFile
    entry: Undo | Replay


class StoredRuns:
    """What runs have written down in one output bucket. All methods raise Transient and Misconfigured."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs

    def log(self, file: StagedFile) -> Log:
        """A run's log; an empty one while there is none."""
        return self.log_of(file.run_id) or Log(file)

    def log_of(self, run_id: str) -> Log | None:
        """The log of the run with an id, or None while there is none."""
        found = self._outputs.read_versioned(Outputs.log(run_id), StoredLog, self._upgrade_log)
        if found is None:
            return None
        stored, generation = found
        return Log(stored.file, stored.entries, generation, stored.ignored_refusals)

    def append(self, log: Log, entry: Entry) -> Log | None:
        """Write a log with one entry more over just what was read of it; None where somebody else has."""
        entries = (*log.entries, entry)
        stored = StoredLog(log.file, entries, log.ignored_refusals)
        generation = self._outputs.replace(Outputs.log(log.file.run_id), stored, log.generation)
        return None if generation is None else Log(log.file, entries, generation, log.ignored_refusals)

    def report(self, file: StagedFile) -> Report | None:
        """The report of a file's run, or None while there is none."""
        return self._outputs.read(Outputs.report(file), Report, upgrade_report)

    def write_report(self, file: StagedFile, report: Report) -> Report:
        """Write a run's report, and give the one that stands."""
        if self._outputs.create(Outputs.report(file), report.as_written()):
            return report
        return self.report(file) or report

    def held(self, claim: ContentClaim) -> Held | None:
        """Which run has a content, or None."""
        found = self._outputs.read_versioned(claim.name, _StoredClaim)
        if found is None:
            return None
        stored, generation = found
        return Held(stored.owner, stored.epoch, stored.md5, generation)

    def take_claim(self, wanted: TakeClaim) -> bool:
        """Write a claim over just what was read of it, and say whether that was so."""
        stored = _StoredClaim(wanted.owner, wanted.claim.md5, wanted.epoch)
        generation = wanted.over.generation if wanted.over else 0
        return self._outputs.replace(wanted.claim.name, stored, generation) is not None

    def mark(self, pending: Pending) -> None:
        """Mark what is wanted of a run."""
        self._outputs.create(_mark(pending), _StoredMark(pending.file, pending.entry))

    def clear(self, pending: Pending) -> None:
        """Remove that mark, if it is there."""
        self._outputs.delete(_mark(pending))

    def pending(self) -> Iterator[Pending]:
        """What is wanted of any run."""
        for listed in self._outputs.list(PENDING):
            stored = self._outputs.read(listed.file.name, _StoredMark)
            if stored is not None:
                yield Pending(stored.file, stored.entry)

    def keep_quarantine(self, run: Run) -> bool:
        """Put the rows left out where they are kept; False where they have expired."""
        left_out = run.plan.quarantine_object if run.plan else None
        return left_out is None or self._outputs.copy(left_out, Outputs.quarantine(run.file, run.plan_epoch))

    def quarantine_uri(self, run: Run) -> str | None:
        """Where the rows that a run leaves out are kept, if it leaves out any."""
        if run.plan is None or run.plan.quarantine_object is None:
            return None
        return self._outputs.uri(Outputs.quarantine(run.file, run.plan_epoch))

    def _upgrade_log(self, stored: dict[str, Any]) -> dict[str, Any]:
        if "entries" in stored:
            return stored
        file = msgspec.convert(stored["file"], ready(StagedFile))

        def read(name: str) -> dict[str, Any] | None:
            return self._outputs.read(name, dict[str, Any])

        earlier = Earlier(
            record=stored,
            rewritten=read(f"runs/{file.run_id}-rewritten.json"),
            report=read(Outputs.report(file)),
            finished=read(f"finished/{file.run_id}.json"),
            undone=read(f"undone/{file.run_id}.json"),
        )
        return upgrade_log(earlier)


def _mark(pending: Pending) -> str:
    wish = "undo" if isinstance(pending.entry, Undo) else f"replay-{pending.entry.epoch}"
    return Outputs.pending(pending.file.run_id, wish)
