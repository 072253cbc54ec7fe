"""What the protocol relies on Cloud Storage for holds in the simulation and in the local storage."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cbi.errors import Reason
from cbi.findings import Failure
from cbi.runs.protocol.log import Attempt, Failed, GivenUp, Log, Replay, Undo, fold
from cbi.runs.protocol.requests import (
    Append,
    Candidate,
    CleanUp,
    ClearPending,
    HasReport,
    Held,
    KeepQuarantine,
    Look,
    MarkPending,
    Pending,
    Prepare,
    Publish,
    ReadClaim,
    ReadLog,
    TakeClaim,
)
from conformance.runs import candidate, planned
from conformance.service import Service

FAILURE = Failure(Reason.LOAD_FAILED, "no good")
TRIED = Attempt(datetime(2024, 1, 1, tzinfo=UTC))


# ---- logs


def test_a_log_is_lengthened_by_whoever_has_read_it_last(service: Service) -> None:
    file = service.drop()
    assert service.ask(ReadLog(file)).entries == ()
    first = service.ask(Append(Log(file), TRIED))
    second = service.ask(Append(first, Undo()))
    assert second.entries == (TRIED, Undo())
    assert service.ask(Append(first, TRIED)) is None
    assert service.ask(Append(Log(file), TRIED)) is None
    assert service.ask(ReadLog(file)) == second


def test_of_two_who_append_at_once_one_does(service: Service) -> None:
    file = service.drop()
    log = service.ask(Append(Log(file), TRIED))
    for entry in (Undo(), Replay(1)):
        answers = service.ask_at_once(Append(log, entry), Append(log, TRIED))
        assert answers.count(None) == 1
        log = next(filter(None, answers))
        assert service.ask(ReadLog(file)) == log


# ---- claims


def test_a_claim_is_taken_over_what_was_read_of_it(service: Service) -> None:
    found = candidate(service, service.drop())
    claim, file, another = found.claim, found.file, service.drop("b")
    assert service.ask(ReadClaim(claim)) is None
    assert service.ask(TakeClaim(claim, None, file, 0))
    assert not service.ask(TakeClaim(claim, None, another, 0))
    first: Held = service.ask(ReadClaim(claim))
    assert (first.owner, first.epoch, first.md5) == (file, 0, claim.md5)
    assert service.ask(TakeClaim(claim, first, another, 2))
    assert not service.ask(TakeClaim(claim, first, file, 1))
    second: Held = service.ask(ReadClaim(claim))
    assert (second.owner, second.epoch) == (another, 2)


def test_of_two_who_take_a_claim_at_once_one_does(service: Service) -> None:
    found = candidate(service, service.drop())
    held, another = None, service.drop("b")
    for epoch in range(2):
        takers = [TakeClaim(found.claim, held, owner, epoch) for owner in (found.file, another)]
        assert sorted(service.ask_at_once(*takers)) == [False, True]
        held = service.ask(ReadClaim(found.claim))


def test_the_same_bytes_are_one_claim_where_the_feed_takes_them_once(service: Service) -> None:
    contents = [("a", "x"), ("b", "x"), ("c", "y")]
    first, again, other = (candidate(service, service.drop(*each)) for each in contents)
    assert first.claim == again.claim
    assert first.claim.name != other.claim.name
    upserted = [candidate(service, service.drop(name, upserts=True)).claim.name for name in "de"]
    assert upserted[0] != upserted[1]


# ---- reports and marks


def test_a_report_is_created_and_never_written_over(service: Service) -> None:
    run = planned(service).run
    assert not service.ask(HasReport(run.file))
    service.ask(Publish(run, (), FAILURE))
    service.ask(Publish(run, (), None))
    assert service.ask(HasReport(run.file))
    assert not service.succeeded(run.file)


def test_each_wish_is_marked_until_it_is_carried_out(service: Service) -> None:
    file, another = service.drop(), service.drop("b")
    wishes = [Pending(file, entry) for entry in (Undo(), Replay(1), Replay(2))]
    for pending in [*wishes, *wishes]:
        service.ask(MarkPending(pending))
    assert len(service.wanted(file)) == 3
    service.ask(ClearPending(wishes[1]))
    service.ask(ClearPending(wishes[1]))
    service.ask(ClearPending(Pending(another, Undo())))
    assert sorted(service.wanted(file), key=repr) == [Replay(2), Undo()]


# ---- the staged file


def test_only_the_live_generation_is_looked_at(service: Service) -> None:
    first = service.drop()
    assert isinstance(service.ask(Look(first)), Candidate)
    second = service.drop()
    assert service.ask(Look(first)).failure.reason is Reason.SUPERSEDED
    assert isinstance(service.ask(Look(second)), Candidate)
    service.delete(second)
    looked = service.ask(Look(second))
    assert isinstance(looked, Failed)
    assert looked.failure.reason is Reason.SUPERSEDED


def test_a_file_that_is_prepared_again_is_planned_the_same(service: Service) -> None:
    found = candidate(service, service.drop())
    plans = [service.ask(Prepare(found)).plan for _ in range(2)]
    assert plans[0] == plans[1]
    assert plans[0].quarantine_object is not None


# ---- what expires


def test_quarantine_is_kept_once_for_each_plan_of_a_run(service: Service) -> None:
    run = planned(service).run
    assert service.ask(KeepQuarantine(run))
    service.expire(run)
    assert service.ask(KeepQuarantine(run))
    assert not service.ask(KeepQuarantine(replace(run, plan_epoch=1)))


def test_a_run_that_leaves_nothing_out_needs_no_quarantine(service: Service) -> None:
    run = planned(service, left_out=False).run
    service.expire(run)
    assert service.ask(KeepQuarantine(run))


@pytest.mark.parametrize("given_up", [False, True], ids=["loaded", "given up"])
def test_what_is_given_up_stays_for_a_replay_and_all_else_is_removed(
    service: Service, given_up: bool
) -> None:
    log = planned(service).log
    run = fold(service.ask(Append(log, GivenUp(FAILURE, ()))) if given_up else log)
    for _ in range(2):
        service.ask(CleanUp(run))
    assert service.ask(KeepQuarantine(run)) == given_up
