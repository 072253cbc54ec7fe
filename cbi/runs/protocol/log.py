"""A run's log: one object, only ever lengthened, by compare-and-swap on its generation.

Whatever is decided of a run stands here before it is acted on. Whoever wants something of the run reads the
log, decides by what it folds to, appends, and carries out; who loses the race to append reads again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import msgspec

from cbi.contract.parts import Part
from cbi.findings import Failure
from cbi.gcs.identity import StagedFile
from cbi.runs.plan import Found, LoadPlan
from cbi.runs.report import LoadJob


class Attempt(msgspec.Struct, frozen=True, tag="attempt"):
    """A repeated delivery is about to open the file, which may end its process; `at` is when."""

    at: datetime


class Survived(msgspec.Struct, frozen=True, tag="survived"):
    """Whoever tried to open the file at `at` is alive, and has failed for another reason than the file."""

    at: datetime


class Planned(msgspec.Struct, frozen=True, tag="plan"):
    """The file is valid and enriched: what there is to load."""

    found: Found
    plan: LoadPlan


class Failed(msgspec.Struct, frozen=True, tag="fail"):
    """Nothing of the file is ever loaded, and why."""

    found: Found
    failure: Failure


class LoadedPart(msgspec.Struct, frozen=True):
    """A part whose rows are in the table, and the job that brought them there."""

    number: int
    job: LoadJob


class Rewritten(msgspec.Struct, frozen=True, tag="rewritten"):
    """A spliced file was refused, every part that is not loaded is sealed, and this is loaded instead."""

    epoch: int
    found: Found
    plan: LoadPlan
    loaded: tuple[LoadedPart, ...]


class GivenUp(msgspec.Struct, frozen=True, tag="given_up"):
    """Every part that is not loaded is sealed, and is loaded only if a replay is asked for."""

    failure: Failure
    loaded: tuple[LoadedPart, ...]


class Replay(msgspec.Struct, frozen=True, tag="replay"):
    """The parts that were given up are to be loaded, by job ids of this epoch.

    Of epoch 0 only in logs made of what version 0.1 stored, whose replays went on in it: its ids are to be
    burnt, and nothing is loaded by them any more.
    """

    epoch: int


class Done(msgspec.Struct, frozen=True, tag="done"):
    """A replay has loaded all that was left."""

    loaded: tuple[LoadedPart, ...]


class Undo(msgspec.Struct, frozen=True, tag="undo"):
    """The run's rows are to be deleted. Nothing but `Undone` follows."""


class Undone(msgspec.Struct, frozen=True, tag="undone"):
    """The run's rows are deleted, `rows_deleted` of them."""

    at: datetime
    rows_deleted: int


Entry = Attempt | Survived | Planned | Failed | Rewritten | GivenUp | Replay | Done | Undo | Undone


@dataclass(frozen=True)
class Log:
    """A run's log as it was read; `generation` is that of its object, 0 while there is none.

    `ignored_refusals` of each part were passed over when version 0.1 went on with a rewritten file, all by
    ids of epoch 0.
    """

    file: StagedFile
    entries: tuple[Entry, ...] = ()
    generation: int = 0
    ignored_refusals: int = 0


Stage = Literal["undecided", "loading", "given_up", "failed", "done", "undoing", "undone"]


@dataclass(frozen=True)
class Run:
    """What a log folds to.

    `loaded` are the parts known to be loaded when the epoch began. `first`: the run's report is still to
    come, or is the last word on it. `open`: it was undone while a replay was under way, so that job ids of
    the epoch may still be used. `plan_epoch` is the epoch in which the plan was made. `sealing`: nothing is
    loaded in this epoch, its ids are burnt.
    """

    file: StagedFile
    stage: Stage = "undecided"
    epoch: int = 0
    ignored_refusals: int = 0
    found: Found | None = None
    plan: LoadPlan | None = None
    plan_epoch: int = 0
    loaded: tuple[LoadedPart, ...] = ()
    failure: Failure | None = None
    first: bool = True
    open: bool = False
    sealing: bool = False
    rows_deleted: int = 0

    @property
    def parts(self) -> tuple[Part, ...]:
        """What there is to load of the file; nothing of one without a plan."""
        return self.plan.parts if self.plan else ()

    @property
    def to_load(self) -> tuple[int, ...]:
        """The parts, by number, that the epoch is to load."""
        there = {part.number for part in self.loaded}
        return tuple(number for number in range(len(self.parts)) if number not in there)


def fold(log: Log) -> Run:
    """What the entries of a log come to."""
    run = Run(log.file, ignored_refusals=log.ignored_refusals)
    for entry in log.entries:
        run = _after(run, entry)
    return run


def _after(run: Run, entry: Entry) -> Run:
    match entry:
        case Attempt() | Survived():
            return run
        case Planned():
            return replace(run, stage="loading", found=entry.found, plan=entry.plan)
        case Failed():
            return replace(run, stage="failed", found=entry.found, failure=entry.failure)
        case Rewritten():
            return replace(
                run,
                epoch=entry.epoch,
                ignored_refusals=0,
                found=entry.found,
                plan=entry.plan,
                plan_epoch=entry.epoch,
                loaded=entry.loaded,
            )
        case GivenUp():
            return replace(run, stage="given_up", failure=entry.failure, loaded=entry.loaded)
        case Replay():
            sealing = entry.epoch == 0
            return replace(run, stage="loading", epoch=entry.epoch, first=False, sealing=sealing)
        case Done():
            return replace(run, stage="done", failure=None, loaded=entry.loaded)
        case Undo():
            replayed = run.stage == "loading" and not run.first
            return replace(run, stage="undoing", open=replayed, first=False)
        case Undone():
            return replace(run, stage="undone", rows_deleted=entry.rows_deleted)


def tries(entries: Sequence[Entry]) -> tuple[datetime, ...]:
    """When repeated deliveries began to open the file that are not known to have come out alive."""
    survived = {entry.at for entry in entries if isinstance(entry, Survived)}
    return tuple(entry.at for entry in entries if isinstance(entry, Attempt) and entry.at not in survived)
