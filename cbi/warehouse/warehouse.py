"""Loading the parts of a run: appended to the table, or merged into it by key."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery
from google.cloud.bigquery import CreateDisposition, SourceFormat, WriteDisposition

from cbi.clients import BIGQUERY_RETRY, CLOUD_FAULTS, REQUEST_TIMEOUT
from cbi.contract.parts import Part
from cbi.contract.target import Target
from cbi.deadline import Deadline
from cbi.errors import Transient
from cbi.gcs.identity import delete_job_id, load_job_id, merge_job_id, staging_table
from cbi.warehouse.jobs import Attempt, Jobs, Work
from cbi.warehouse.schema import schema_fields
from cbi.warehouse.statements import delete_statement, merge_statement

# Long after a run's events have stopped coming, its staging tables go by themselves.
_STAGING_TABLE_LIFE = timedelta(days=7)


@dataclass(frozen=True)
class LoadRequest:
    """One part of a run to load, the parquet object at `uri`, into the run's target."""

    target: Target
    run_id: str
    number: int
    uri: str
    part: Part


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


class Warehouse:
    """The tables of one project, as runs write to them."""

    def __init__(self, client: bigquery.Client, location: str) -> None:
        self._client = client
        self._location = location
        self._jobs = Jobs(client, location)

    def load(
        self, requests: Sequence[LoadRequest], deadline: Deadline, *, ignored_failures: int = 0
    ) -> tuple[PartLoad, ...]:
        """Load every part once, however often this is called, and wait until all have ended.

        `ignored_failures` is how many times each part may have been refused before. Raises Transient when the
        deadline comes first or BigQuery cannot be reached, and Misconfigured when there is no such table.
        """
        works = [self._loading(request) for request in requests]
        started = [self._jobs.start(work) for work in works]
        loaded = [
            self._jobs.finish(work, attempt, deadline, ignored_failures=ignored_failures)
            for work, attempt in zip(works, started, strict=True)
        ]
        return tuple(
            self._merge(request, attempt, deadline, ignored_failures)
            if request.target.upserts and attempt.error is None
            else _finished(attempt)
            for request, attempt in zip(requests, loaded, strict=True)
        )

    def delete(self, request: LoadRequest, deadline: Deadline) -> PartLoad:
        """Delete the rows that a run has in the table for a part's days; `rows` says how many there were."""
        target, part = request.target, request.part
        table = f"{self._client.project}.{target.table}"
        statement = delete_statement(target, table, request.run_id, part.first_date, part.last_date)

        deleted = self._jobs.run(
            Work(
                lambda attempt: delete_job_id(target.feed, request.run_id, request.number, attempt),
                lambda identity: self._query(request, statement, identity),
            ),
            deadline,
        )
        if deleted.error is not None:
            return PartLoad(deleted.identity, error=deleted.error)
        assert isinstance(deleted.job, bigquery.QueryJob)
        return PartLoad(deleted.identity, rows=deleted.job.num_dml_affected_rows or 0)

    def drop_staging_tables(self, requests: Sequence[LoadRequest]) -> None:
        """Remove what merging the parts has left behind."""
        for request in requests:
            if request.target.upserts:
                table = self._loads_into(request)
                try:
                    self._client.delete_table(
                        table, not_found_ok=True, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT
                    )
                except CLOUD_FAULTS as error:
                    raise Transient(f"{table} could not be deleted: {error}") from error

    def _loading(self, request: LoadRequest) -> Work:
        target = request.target
        table = self._loads_into(request)

        def insert(identity: str) -> bigquery.LoadJob:
            if target.upserts:
                self._create_staging_table(table, target)
            return self._client.load_table_from_uri(
                request.uri,
                table,
                job_id=identity,
                location=self._location,
                job_config=bigquery.LoadJobConfig(
                    source_format=SourceFormat.PARQUET,
                    schema=schema_fields(target.schema),
                    create_disposition=CreateDisposition.CREATE_NEVER,
                    write_disposition=WriteDisposition.WRITE_APPEND,
                    labels=_labels(request),
                ),
                retry=BIGQUERY_RETRY,
                timeout=REQUEST_TIMEOUT,
            )

        def identify(attempt: int) -> str:
            return load_job_id(target.feed, request.run_id, request.number, attempt)

        return Work(identify, insert)

    def _merge(
        self, request: LoadRequest, loaded: Attempt, deadline: Deadline, ignored_failures: int
    ) -> PartLoad:
        """Merge a part's staging table into the target, once."""
        target, part, staging = request.target, request.part, self._loads_into(request)
        table = f"{self._client.project}.{target.table}"
        statement = merge_statement(target, table, staging, part.first_date, part.last_date)

        def insert(identity: str) -> bigquery.QueryJob:
            self._check_staged(staging, part.rows, identity)
            return self._query(request, statement, identity)

        def identify(attempt: int) -> str:
            return merge_job_id(target.feed, request.run_id, request.number, attempt)

        merged = self._jobs.run(Work(identify, insert), deadline, ignored_failures=ignored_failures)
        if merged.error is not None:
            return PartLoad(merged.identity, error=merged.error)
        counts = merged.job.dml_stats if isinstance(merged.job, bigquery.QueryJob) else None
        return PartLoad(
            loaded.identity,
            _output_rows(loaded),
            inserted=counts.inserted_row_count if counts else None,
            updated=counts.updated_row_count if counts else None,
        )

    def _query(self, request: LoadRequest, statement: str, identity: str) -> bigquery.QueryJob:
        return self._client.query(
            statement,
            job_id=identity,
            location=self._location,
            job_config=bigquery.QueryJobConfig(labels=_labels(request)),
            job_retry=None,  # a failed job's id cannot be used again
            retry=BIGQUERY_RETRY,
            timeout=REQUEST_TIMEOUT,
        )

    def _loads_into(self, request: LoadRequest) -> str:
        """The table a part's load job writes to: the target itself, or the part's own to merge from."""
        target = request.target
        table = (
            staging_table(target.table, request.run_id, request.number) if target.upserts else target.table
        )
        return f"{self._client.project}.{table}"

    def _create_staging_table(self, name: str, target: Target) -> None:
        table = bigquery.Table(name, schema_fields(target.schema))
        table.expires = datetime.now(UTC) + _STAGING_TABLE_LIFE
        # Not with exists_ok, which looks the table up and fails where another delivery removes it meanwhile.
        with suppress(Conflict):
            self._client.create_table(table, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT)

    def _check_staged(self, staging: str, rows: int, merge_job: str) -> None:
        """Refuse to merge a staging table that has expired since it was loaded, unless it was merged then."""
        found = 0
        with suppress(NotFound):
            found = self._client.get_table(staging, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT).num_rows
        if found == rows:
            return
        try:
            self._client.get_job(
                merge_job, location=self._location, retry=BIGQUERY_RETRY, timeout=REQUEST_TIMEOUT
            )
        except NotFound:
            message = f"{staging} has {found} rows where {rows} were loaded; drop the file again"
            raise BadRequest(message) from None  # type: ignore[no-untyped-call]


def _finished(attempt: Attempt) -> PartLoad:
    if attempt.error is not None:
        return PartLoad(attempt.identity, error=attempt.error)
    return PartLoad(attempt.identity, _output_rows(attempt))


def _output_rows(attempt: Attempt) -> int:
    assert isinstance(attempt.job, bigquery.LoadJob)
    return int(attempt.job.output_rows)


def _labels(request: LoadRequest) -> dict[str, str]:
    return {"component": "cbi", "feed": request.target.feed, "run_id": request.run_id}
