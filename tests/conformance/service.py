"""What answers the requests of the protocol: the simulated cloud, or the local servers."""

from collections.abc import Sequence
from typing import Any, Protocol

from cbi.gcs.identity import StagedFile
from cbi.runs.protocol.log import Entry, Run
from cbi.runs.protocol.requests import Insert, Request


class Service(Protocol):
    """A cloud as the steps of runs see it, and what tests do to it and see of it besides."""

    def drop(
        self, name: str = "a", content: str = "x", *, upserts: bool = False, left_out: bool = True
    ) -> StagedFile:
        """Drop a file of one part, over another of its name if there is one.

        One of its rows is left out, unless told otherwise.
        """

    def delete(self, file: StagedFile) -> None:
        """Delete the staged object."""

    def ask(self, request: Request) -> Any:
        """Make a request in a process that remembers nothing, and return the answer."""

    def ask_at_once(self, *requests: Request) -> list[Any]:
        """Make several requests, each in a process of its own, at the same time."""

    def expire(self, run: Run) -> None:
        """Remove what a run has enriched, as the bucket does once it is old."""

    def refuse(self, insert: Insert) -> Any:
        """Answer the insert of a job with 400, and return what its step is told."""

    def rows(self, file: StagedFile) -> int:
        """The rows of a file's run in its feed's table."""

    def succeeded(self, file: StagedFile) -> bool:
        """What the report says."""

    def wanted(self, file: StagedFile) -> Sequence[Entry]:
        """What a sweep finds marked as wanted of the file's run."""
