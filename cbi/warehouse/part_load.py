"""A part of a run on its way into the table: what is asked, and how it ended."""

from dataclasses import dataclass

from cbi.contract.parts import Part
from cbi.contract.target import Target


@dataclass(frozen=True)
class LoadRequest:
    """One part of a run to load, the parquet object at `uri`, into the run's target."""

    target: Target
    run_id: str
    number: int
    uri: str
    part: Part

    @property
    def labels(self) -> dict[str, str]:
        """What the part's jobs are found by in BigQuery's own views of jobs."""
        return {"component": "cbi", "feed": self.target.feed, "run_id": self.run_id}


@dataclass(frozen=True)
class PartLoad:
    """How a part's load ended: the load job, the rows BigQuery says it loaded, or what it says is wrong.

    `inserted` and `updated` count what a merge did. Jobs are atomic: with an error, nothing of the part is
    in the table.
    """

    job_id: str
    rows: int = 0
    error: str | None = None
    inserted: int | None = None
    updated: int | None = None
