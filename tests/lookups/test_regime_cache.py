"""The warm calendar: loaded once, refreshed in time, and served on while BigQuery fails."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pyarrow as pa
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from support.bigquery_errors import ACCESS_DENIED, QUOTA_EXCEEDED, UNKNOWN_COLUMN
from support.cloud import Cloud
from support.faults import Fault, Faults, proxy

from cbi import RegimeCache
from cbi.errors import Misconfigured, Transient
from cbi.local.stack import Stack
from cbi.lookups.regime_cache import load_calendar

TTL, MAX_STALE = 3600, 86_400
REQUESTS_OF_A_LOAD = 2


class Clock:
    """A timer that stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def client(stack: Stack, faults: Faults) -> Iterator[bigquery.Client]:
    with proxy(stack.bigquery, faults) as base:
        yield bigquery.Client(
            project=stack.project,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": base},
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def regimes(client: bigquery.Client, clock: Clock) -> RegimeCache:
    return RegimeCache(client, ttl_seconds=TTL, max_stale_seconds=MAX_STALE, timer=clock)


def fail(faults: Faults) -> None:
    # The client does not try this again by itself.
    faults.plan(lambda number, request: Fault(status=403, body=QUOTA_EXCEEDED))


def test_a_date_has_its_regime_and_weight(regimes: RegimeCache) -> None:
    regime = regimes.get_regime(date(2025, 1, 20))
    assert regime is not None
    assert (regime.name, regime.weight) == ("trump_second_term", 600)
    assert regimes.get_regime(date(2023, 10, 31)) is None


def test_a_whole_column_of_dates_is_looked_up_at_once(regimes: RegimeCache) -> None:
    dates = pa.array([date(2025, 1, 19), None, date(2025, 1, 20), date(2023, 10, 31)])
    assert regimes.lookup(dates).to_pylist() == [
        {"name": "trump_anticipation_2024", "weight": 400},
        {"name": None, "weight": None},
        {"name": "trump_second_term", "weight": 600},
        {"name": None, "weight": None},
    ]


def test_coverage_of_dates(regimes: RegimeCache) -> None:
    dates = pa.array([date(2023, 10, 31), date(2023, 11, 1), date(2023, 11, 1)])
    coverage = regimes.validate_date_coverage(dates)
    assert (coverage.total_dates, coverage.covered_dates, coverage.coverage_pct) == (2, 1, 50)
    assert coverage.missing_dates == (date(2023, 10, 31),)


def test_it_is_loaded_once_and_without_a_job(regimes: RegimeCache, faults: Faults) -> None:
    first = regimes.calendar()
    assert regimes.calendar() is first
    assert len(faults.seen) == REQUESTS_OF_A_LOAD
    assert not [request for request in faults.seen if "/jobs" in request or "/queries" in request]


def test_many_threads_at_once_make_one_load(regimes: RegimeCache, faults: Faults) -> None:
    with ThreadPoolExecutor(32) as pool:
        calendars = list(pool.map(lambda _: regimes.calendar(), range(64)))
    assert len({id(calendar) for calendar in calendars}) == 1
    assert len(faults.seen) == REQUESTS_OF_A_LOAD


def test_it_is_loaded_again_when_its_time_is_up(regimes: RegimeCache, faults: Faults, clock: Clock) -> None:
    regimes.calendar()
    clock.now += TTL - 1
    regimes.calendar()
    assert len(faults.seen) == REQUESTS_OF_A_LOAD
    clock.now += 2
    regimes.calendar()
    assert len(faults.seen) == 2 * REQUESTS_OF_A_LOAD


def test_the_last_good_calendar_serves_while_a_refresh_fails(
    regimes: RegimeCache, faults: Faults, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    good = regimes.calendar()
    clock.now += TTL + 1
    fail(faults)
    logging.getLogger("cbi").propagate = True
    assert regimes.calendar() is good
    assert "regime calendar not refreshed, serving the one of 3601 s ago" in caplog.text
    tries = len(faults.seen)
    assert regimes.calendar() is good
    assert len(faults.seen) == tries, "the next event of an outage does not wait for another try"
    faults.clear()
    clock.now += 61
    assert regimes.calendar() is not good


def test_a_calendar_that_is_too_old_serves_no_more(
    regimes: RegimeCache, faults: Faults, clock: Clock
) -> None:
    regimes.calendar()
    clock.now += MAX_STALE + 1
    fail(faults)
    with pytest.raises(Transient, match=r"training\.regime_calendar could not be read"):
        regimes.calendar()


def test_without_any_calendar_yet_a_failure_is_raised(regimes: RegimeCache, faults: Faults) -> None:
    fail(faults)
    with pytest.raises(Transient):
        regimes.calendar()
    faults.clear()
    assert regimes.calendar().rows == 1908


class TestReadAgainForAFileThatLacksDates:
    def test_the_calendar_a_file_was_held_against_is_read_again(
        self, regimes: RegimeCache, faults: Faults, clock: Clock
    ) -> None:
        old = regimes.calendar()
        clock.now += 1
        fresh = regimes.refreshed(old)
        assert fresh is not old
        assert fresh.digest == old.digest
        assert regimes.calendar() is fresh
        assert len(faults.seen) == 2 * REQUESTS_OF_A_LOAD

    def test_one_read_serves_however_many_files_lack_dates_in_the_calendar_before(
        self, regimes: RegimeCache, faults: Faults, clock: Clock
    ) -> None:
        old = regimes.calendar()
        clock.now += 1
        with ThreadPoolExecutor(32) as pool:
            calendars = list(pool.map(lambda _: regimes.refreshed(old), range(64)))
        assert {id(calendar) for calendar in calendars} == {id(regimes.calendar())}
        assert calendars[0] is not old
        assert len(faults.seen) == 2 * REQUESTS_OF_A_LOAD

    def test_a_file_that_comes_later_has_it_read_again(
        self, regimes: RegimeCache, faults: Faults, clock: Clock
    ) -> None:
        first = regimes.calendar()
        clock.now += 1
        second = regimes.refreshed(first)
        clock.now += 1
        assert regimes.refreshed(first) is second, "it has been read since that file began"
        assert regimes.refreshed(second) is not second
        assert len(faults.seen) == 3 * REQUESTS_OF_A_LOAD

    def test_it_is_read_at_most_once_a_second(
        self, regimes: RegimeCache, faults: Faults, clock: Clock
    ) -> None:
        calendar = regimes.calendar()
        clock.now += 0.9
        assert regimes.refreshed(calendar) is calendar
        assert len(faults.seen) == REQUESTS_OF_A_LOAD

    def test_the_last_good_one_serves_while_bigquery_fails_and_not_every_file_waits_for_a_try(
        self, regimes: RegimeCache, faults: Faults, clock: Clock
    ) -> None:
        good = regimes.calendar()
        clock.now += 5
        fail(faults)
        assert regimes.refreshed(good) is good
        tries = len(faults.seen)
        assert tries > 0
        clock.now += 59
        assert regimes.refreshed(good) is good
        assert len(faults.seen) == tries
        faults.clear()
        clock.now += 1
        assert regimes.refreshed(good) is not good

    def test_a_calendar_within_its_time_serves_even_where_none_may_be_stale(
        self, client: bigquery.Client, faults: Faults, clock: Clock
    ) -> None:
        regimes = RegimeCache(client, ttl_seconds=TTL, max_stale_seconds=0, timer=clock)
        good = regimes.calendar()
        clock.now += TTL - 1
        fail(faults)
        assert regimes.refreshed(good) is good
        clock.now += 61
        with pytest.raises(Transient):
            regimes.calendar()


def test_a_missing_table_says_what_to_run(client: bigquery.Client, faults: Faults) -> None:
    faults.plan(lambda number, request: Fault(status=404))
    with pytest.raises(Misconfigured, match="run `python -m cbi init`"):
        load_calendar(client)


@pytest.mark.parametrize(("status", "body"), [(403, ACCESS_DENIED), (400, UNKNOWN_COLUMN)])
def test_what_an_operator_must_correct_is_not_taken_for_an_outage(
    client: bigquery.Client, faults: Faults, status: int, body: bytes
) -> None:
    faults.plan(lambda number, request: Fault(status=status, body=body))
    with pytest.raises(Misconfigured, match=r"training\.regime_calendar could not be read"):
        load_calendar(client)


def test_a_view_is_read_by_a_query(cloud: Cloud, client: bigquery.Client, faults: Faults) -> None:
    # A view answers tabledata.list with 400; the rows then come from a query.
    faults.plan(lambda number, request: Fault(status=400) if "/data" in request else None)
    assert load_calendar(client).rows == 1908
    assert [request for request in faults.seen if "/jobs" in request or "/queries" in request]
