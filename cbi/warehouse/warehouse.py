"""The tables of one project, as runs write to them: parts loaded, merged, and deleted again."""

from collections.abc import Sequence

from google.cloud import bigquery

from cbi.deadline import Deadline
from cbi.warehouse.deletes import delete_part
from cbi.warehouse.jobs import Attempt, Jobs
from cbi.warehouse.loads import appended, load_spec
from cbi.warehouse.merges import drop_staging_table, merge_part, staged_load_spec
from cbi.warehouse.part_load import LoadRequest, PartLoad


class Warehouse:
    """Loads, merges and deletes, each done once however often it is asked for.

    All methods raise Transient when the deadline comes first or BigQuery cannot be reached, and Misconfigured
    when an operator has to correct something first, as where there is no such table.
    """

    def __init__(self, client: bigquery.Client, location: str) -> None:
        self._jobs = Jobs(client, location)

    def load(
        self, requests: Sequence[LoadRequest], deadline: Deadline, *, ignored_failures: int = 0
    ) -> tuple[PartLoad, ...]:
        """Load every part and wait until all have ended.

        `ignored_failures` is how many times each part may have been refused before.
        """
        jobs = self._jobs
        specs = [
            (staged_load_spec if request.target.upserts else load_spec)(jobs, request) for request in requests
        ]
        started = [jobs.start(spec) for spec in specs]
        loaded = [
            jobs.finish(spec, attempt, deadline, ignored_failures=ignored_failures)
            for spec, attempt in zip(specs, started, strict=True)
        ]

        def end(request: LoadRequest, attempt: Attempt) -> PartLoad:
            if request.target.upserts and attempt.error is None:
                return merge_part(jobs, request, attempt, deadline, ignored_failures)
            return appended(attempt)

        return tuple(map(end, requests, loaded))

    def delete(self, request: LoadRequest, deadline: Deadline) -> PartLoad:
        """Delete the rows that a run has in the table for a part's days; `rows` says how many there were."""
        return delete_part(self._jobs, request, deadline)

    def drop_staging_tables(self, requests: Sequence[LoadRequest]) -> None:
        """Remove what merging the parts has left behind."""
        for request in requests:
            if request.target.upserts:
                drop_staging_table(self._jobs.client, request)
