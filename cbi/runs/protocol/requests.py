"""What steps ask of the outside, one request each, and the answers they take.

A step does no I/O of its own: it yields one of these and is sent the answer, by the real clients or by a
simulation; or Transient or Misconfigured is thrown into it. Every request may be repeated: where the answer
was lost, asking again comes to the same.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

import msgspec
from msgspec.structs import replace

from cbi.errors import Fault
from cbi.findings import Failure
from cbi.gcs.identity import StagedFile, StagedObject
from cbi.runs.plan import Found
from cbi.runs.protocol.log import Entry, Failed, LoadedPart, Log, Replay, Run, Undo
from cbi.runs.report import LoadJob

# ---- logs and reports


class ReadLog(msgspec.Struct, frozen=True):
    """Answered with the run's Log, empty while there is none."""

    file: StagedFile


class Append(msgspec.Struct, frozen=True):
    """Write the log with one entry more, if nobody else has written it since it was read.

    Answered with the Log as it is then, or None where somebody has.
    """

    log: Log
    entry: Entry


class HasReport(msgspec.Struct, frozen=True):
    """Answered with whether the run's report is published."""

    file: StagedFile


class Publish(msgspec.Struct, frozen=True):
    """Create the run's report unless it has one. Answered with None.

    `loaded` are the parts in the table, `failure` why not all are; None on success.
    """

    run: Run
    loaded: tuple[LoadedPart, ...]
    failure: Failure | None


class Pending(msgspec.Struct, frozen=True):
    """What an operator wants of a run that has its report: an object of its own for each such wish.

    A sweep carries it out if whoever marked it does not come to that. Once it is carried out it stays so.
    """

    file: StagedFile
    entry: Undo | Replay


class MarkPending(msgspec.Struct, frozen=True):
    """Write the mark, if it is not there. Answered with None."""

    pending: Pending


class ClearPending(msgspec.Struct, frozen=True):
    """Remove the mark, if it is there. Answered with None."""

    pending: Pending


# ---- the staged file


class ContentClaim(msgspec.Struct, frozen=True):
    """Which content a claim stands for: the claim's object, and the content's MD5 if the bucket knows it."""

    name: str
    md5: str | None

    def apart(self) -> Self:
        """The claim of a content whose size and CRC are those of another, by its MD5."""
        return replace(self, name=f"{self.name}-{(self.md5 or '').replace('/', '_')}")


class Candidate(msgspec.Struct, frozen=True):
    """A staged file that is the live generation and has a contract, and what is known of it so far.

    `turn` is what a feed's files take one after the other, where each is to see the rows of those before.
    """

    staged: StagedObject
    found: Found
    claim: ContentClaim
    turn: ContentClaim | None = None

    @property
    def file(self) -> StagedFile:
        return self.staged.file

    def failed(self, failure: Failure) -> Failed:
        """The entry that ends a run before its file has been opened."""
        return Failed(self.found, failure)


class Look(msgspec.Struct, frozen=True):
    """Look at the staged object and its feed. Answered with a Candidate, or with what makes it Failed."""

    file: StagedFile


class Prepare(msgspec.Struct, frozen=True):
    """Validate and enrich a file and write its parts. Answered with Planned or Failed.

    `rewrite` is set where a spliced file was refused. May end the process, or fail for the moment.
    """

    candidate: Candidate
    rewrite: bool = False


class Clock(msgspec.Struct, frozen=True):
    """Answered with the Time."""


class Time(msgspec.Struct, frozen=True):
    """The time, and how many seconds a delivery may live."""

    now: datetime
    delivery_seconds: float


class Pause(msgspec.Struct, frozen=True):
    """Wait for what another delivery is about to decide. Answered with None; raises Transient in the end."""


# ---- claims


class Held(msgspec.Struct, frozen=True):
    """A claim as it was read: the run that holds the content, and for which of its epochs."""

    owner: StagedFile
    epoch: int
    md5: str | None
    generation: int


class ReadClaim(msgspec.Struct, frozen=True):
    """Answered with Held, or None where nobody holds the content."""

    claim: ContentClaim


class TakeClaim(msgspec.Struct, frozen=True):
    """Write the claim over just what was read of it (None: nothing). Answered with whether that was so."""

    claim: ContentClaim
    over: Held | None
    owner: StagedFile
    epoch: int


# ---- jobs


class JobKind(StrEnum):
    """What a job does for a part: a load into the table, or into a table of the part's own and a merge from
    there; or the deletion of the part's rows."""

    LOAD = "load"
    STAGE = "stage"
    MERGE = "merge"
    DELETE = "delete"


class Job(msgspec.Struct, frozen=True):
    """Something a job does, under one id after the other: `attempt` is which."""

    run: Run
    part: int
    kind: JobKind


class Insert(msgspec.Struct, frozen=True):
    """Insert the job of an attempt.

    Answered with `inserted`, `exists`, or the Fault of a request that made no job and has used up no id.
    """

    job: Job
    attempt: int


class InsertFence(msgspec.Struct, frozen=True):
    """Burn the id of an attempt by a job that does nothing, which keeps `error`. Answered like Insert, but
    never with an error."""

    job: Job
    attempt: int
    error: Fault | None


Inserted = Literal["inserted", "exists"]


class Wait(msgspec.Struct, frozen=True):
    """Wait for the job of an attempt to be over. Answered with a JobEnd."""

    job: Job
    attempt: int


class JobEnd(msgspec.Struct, frozen=True):
    """How a job ended: with `error`, or well. `fence`: it did nothing, and `error` is what it keeps.

    `done` counts what a load or a merge did, `rows` those that a deletion took.
    """

    fence: bool = False
    error: Fault | None = None
    done: LoadJob | None = None
    rows: int = 0


# ---- objects


class KeepQuarantine(msgspec.Struct, frozen=True):
    """Put the rows left out where they are kept. Answered with False where they have expired."""

    run: Run


class CleanUp(msgspec.Struct, frozen=True):
    """Remove what is of no use once a run has its report. Answered with None."""

    run: Run


Request = (
    ReadLog
    | Append
    | HasReport
    | Publish
    | MarkPending
    | ClearPending
    | Look
    | Prepare
    | Clock
    | Pause
    | ReadClaim
    | TakeClaim
    | Insert
    | InsertFence
    | Wait
    | KeepQuarantine
    | CleanUp
)
Looked = Candidate | Failed
