"""What the protocol relies on BigQuery for holds in the simulation and in the local BigQuery."""

from dataclasses import replace

import pytest

from cbi.errors import Fault, FaultKind
from cbi.runs.protocol.requests import CleanUp, Insert, InsertFence, Job, JobEnd, JobKind, Wait
from conformance.runs import PlannedRun, planned
from conformance.service import Service

ERROR = Fault(FaultKind.REFUSED, "invalid", "no good")


def load(service: Service, run: PlannedRun, attempt: int = 0) -> JobEnd:
    """Load a run's part, in a feed that upserts through its staging table."""
    for kind in [JobKind.STAGE, JobKind.MERGE] if run.upserts else [JobKind.LOAD]:
        end = do(service, Job(run.run, 0, kind), attempt)
        assert end.error is None, end.error
    return end


def do(service: Service, job: Job, attempt: int = 0) -> JobEnd:
    """Insert a job and wait for it; a job that BigQuery does not make ends with the error it gave."""
    answer = service.ask(Insert(job, attempt))
    if isinstance(answer, Fault):
        return JobEnd(error=answer)
    assert answer == "inserted"
    end: JobEnd = service.ask(Wait(job, attempt))
    return end


# ---- ids


def test_a_job_id_is_used_once(service: Service) -> None:
    run = planned(service)
    job = Job(run.run, 0, JobKind.LOAD)
    first = do(service, job)
    assert first.error is None
    assert first.done is not None
    assert first.done.rows == run.rows
    assert service.ask(Insert(job, 0)) == "exists"
    assert service.ask(Wait(job, 0)) == first
    assert service.rows(run.run.file) == run.rows


def test_of_two_who_insert_at_once_one_does(service: Service) -> None:
    run = planned(service)
    job = Job(run.run, 0, JobKind.LOAD)
    answers = service.ask_at_once(Insert(job, 0), Insert(job, 0))
    assert sorted(answers) == ["exists", "inserted"]
    assert service.ask(Wait(job, 0)).error is None
    assert service.rows(run.run.file) == run.rows


def test_of_a_job_and_a_fence_at_once_one_is_made(service: Service) -> None:
    run = planned(service)
    job = Job(run.run, 0, JobKind.LOAD)
    inserted, fenced = service.ask_at_once(Insert(job, 0), InsertFence(job, 0, ERROR))
    assert sorted([inserted, fenced]) == ["exists", "inserted"]
    end = service.ask(Wait(job, 0))
    assert end.fence == (fenced == "inserted")
    assert service.rows(run.run.file) == (0 if end.fence else run.rows)


def test_the_id_of_a_failed_job_stays_used(service: Service) -> None:
    run = planned(service)
    job = Job(run.run, 0, JobKind.LOAD)
    service.expire(run.run)
    end = do(service, job)
    assert end.error is not None
    assert service.ask(Insert(job, 0)) == "exists"
    assert service.ask(InsertFence(job, 0, None)) == "exists"
    assert service.ask(Wait(job, 0)).error.reason == end.error.reason
    assert service.rows(run.run.file) == 0


def test_a_refused_insert_leaves_the_id_free(service: Service) -> None:
    run = planned(service)
    job = Job(run.run, 0, JobKind.LOAD)
    refusal = service.refuse(Insert(job, 0))
    assert isinstance(refusal, Fault)
    assert refusal.kind is FaultKind.REFUSED
    assert do(service, job).error is None
    assert service.rows(run.run.file) == run.rows


def test_ids_of_other_attempts_epochs_and_work_are_free(service: Service) -> None:
    run = planned(service).run
    later = replace(run, epoch=1)
    jobs = [
        *((Job(run, 0, kind), 0) for kind in (JobKind.LOAD, JobKind.MERGE, JobKind.DELETE)),
        (Job(run, 0, JobKind.LOAD), 1),
        (Job(later, 0, JobKind.LOAD), 0),
        (Job(later, 0, JobKind.MERGE), 0),
    ]
    for job, attempt in jobs:
        assert service.ask(InsertFence(job, attempt, None)) == "inserted"
    # Of deletions there is no second series: an undo is the last that happens to a run.
    assert service.ask(InsertFence(Job(later, 0, JobKind.DELETE), 0, None)) == "exists"


# ---- fences


@pytest.mark.parametrize("error", [None, ERROR, replace(ERROR, message='*/ "; -- \\')])
def test_a_fence_keeps_its_error_and_the_id(service: Service, error: Fault | None) -> None:
    run = planned(service).run
    job = Job(run, 0, JobKind.LOAD)
    assert service.ask(InsertFence(job, 0, error)) == "inserted"
    assert service.ask(Wait(job, 0)) == JobEnd(fence=True, error=error)
    assert service.ask(Insert(job, 0)) == "exists"
    assert service.ask(InsertFence(job, 0, replace(ERROR, reason="other"))) == "exists"
    assert service.ask(Wait(job, 0)) == JobEnd(fence=True, error=error)
    assert service.rows(run.file) == 0


def test_a_fence_over_a_job_finds_how_that_ended(service: Service) -> None:
    run = planned(service)
    job = Job(run.run, 0, JobKind.LOAD)
    end = do(service, job)
    assert service.ask(InsertFence(job, 0, ERROR)) == "exists"
    assert service.ask(Wait(job, 0)) == end


# ---- what jobs do


def test_without_its_enriched_object_a_load_is_refused(service: Service) -> None:
    run = planned(service)
    service.expire(run.run)
    end = do(service, Job(run.run, 0, JobKind.LOAD))
    assert end.error is not None
    assert end.error.kind is FaultKind.REFUSED


def test_without_its_staging_table_a_merge_is_refused(service: Service) -> None:
    run = planned(service, upserts=True)
    assert do(service, Job(run.run, 0, JobKind.STAGE)).error is None
    service.ask(CleanUp(run.run))
    end = do(service, Job(run.run, 0, JobKind.MERGE))
    assert end.error is not None
    assert end.error.kind is FaultKind.REFUSED
    assert service.rows(run.run.file) == 0


@pytest.mark.parametrize("upserts", [False, True], ids=["appended", "upserted"])
def test_a_deletion_counts_the_rows_it_takes(service: Service, upserts: bool) -> None:
    run = planned(service, upserts=upserts)
    load(service, run)
    assert service.rows(run.run.file) == run.rows
    deletion = Job(run.run, 0, JobKind.DELETE)
    assert do(service, deletion) == JobEnd(rows=run.rows)
    assert do(service, deletion, attempt=1) == JobEnd(rows=0)
    assert service.rows(run.run.file) == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["older first", "newer first"])
def test_the_rows_of_an_older_file_never_come_over_newer_ones(
    service: Service, order: tuple[int, int]
) -> None:
    runs = [planned(service, name, upserts=True) for name in "ab"]
    for number in order:
        load(service, runs[number])
    assert [service.rows(run.run.file) for run in runs] == [0, runs[1].rows]
