"""The same bytes again: which run took a content first, marked by an object that is only ever swapped.

A marker is the only thing here that one run leaves for another, so it must never block: a marker whose run
has failed counts for nothing and is taken over, and whoever meets the marker of a run without a report
finishes that run itself. A failed run whose load is to be tried again takes its content like any other, and
writes beside its name how often it may have been refused: whoever meets that marker makes the same attempts,
and takes it over only when they are over too.
"""

from dataclasses import dataclass

from cbi.errors import InvalidFile, Reason
from cbi.gcs.identity import StagedFile
from cbi.gcs.outputs import Outputs
from cbi.runs.report import Report


@dataclass(frozen=True)
class Marker:
    """Which run has a content.

    `replays` counts those of all owners; a count that starts again would name attempts that are over.
    """

    owner: StagedFile
    md5: str | None = None
    replays: int = 0
    replayed: bool = False

    @property
    def refusals(self) -> int:
        """How many refusals of each part the owner passes over."""
        return self.replays if self.replayed else 0


@dataclass(frozen=True)
class Claim:
    """A run's wish for the marker of this name; `replayed` for another try of a load that was refused."""

    name: str
    owner: StagedFile
    md5: str | None = None
    replayed: bool = False

    def after(self, marker: Marker | None) -> Marker:
        """The marker that this claim puts in another's place."""
        replays = (marker.replays if marker else 0) + self.replayed
        md5 = marker.md5 if marker and self.replayed else self.md5
        return Marker(self.owner, md5, replays, self.replayed)


@dataclass(frozen=True)
class Held:
    """Another run has the content. What that has loaded is known only once it is finished."""

    marker: Marker
    generation: int


def claim_content(outputs: Outputs, claim: Claim) -> Marker | Held:
    """Mark a content as a run's own. Where another has it, that run is to be finished, then `take_over`."""
    mine = claim.after(None)
    while not outputs.create(claim.name, mine):
        found = outputs.read_versioned(claim.name, Marker)
        if found is None:
            continue
        marker, generation = found
        if not claim.replayed and (marker.owner == claim.owner or _differ(marker.md5, claim.md5)):
            return marker
        if marker.owner != claim.owner:
            return Held(marker, generation)
        again = claim.after(marker)
        if outputs.replace(claim.name, again, generation):
            return again
    return mine


def take_over(outputs: Outputs, claim: Claim, held: Held, report: Report) -> Marker | None:
    """Take the content of a run that has loaded nothing; None where somebody else was quicker.

    `report` is the other run's. Raises InvalidFile, naming that run, where it has loaded the same bytes.
    """
    _refuse_if_loaded(outputs, held.marker.owner, report)
    mine = claim.after(held.marker)
    return mine if outputs.replace(claim.name, mine, held.generation) else None


def _differ(md5: str | None, other: str | None) -> bool:
    """Whether two contents of one size and CRC are known to differ; a composed object has no MD5."""
    return md5 is not None and other is not None and md5 != other


def _refuse_if_loaded(outputs: Outputs, owner: StagedFile, report: Report) -> None:
    if outputs.exists(outputs.undo(owner.run_id)):
        return
    run = f"run {owner.run_id} ({owner.uri}, generation {owner.generation})"
    if report.status == "success" or outputs.exists(outputs.finish(owner.run_id)):
        raise InvalidFile(
            Reason.DUPLICATE_CONTENT,
            f"the same bytes were loaded by {run}; nothing of this file is loaded again. If it should be,"
            f" undo that run first: `python -m cbi undo {owner.run_id}`",
        )
    if report.rows_loaded:
        raise InvalidFile(
            Reason.PARTLY_LOADED,
            f"the same bytes were loaded in part by {run}; finish that with `python -m cbi replay"
            f" {owner.run_id}` or take it back with `python -m cbi undo {owner.run_id}`",
        )
