"""The history of runs: newest first, each once, and fast however many there are."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.cloud import Cloud
from support.stored_reports import stored_report

from cbi.clients import storage_client
from cbi.gcs.index import ObjectIndex
from cbi.runs.history import History
from cbi.runs.report import Report
from cbi.settings import Settings

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)


@pytest.fixture
def history(cloud: Cloud, unique: str, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud.environment["STORAGE_EMULATOR_HOST"])
    storage_client.cache_clear()
    client = storage_client(Settings.from_environment(cloud.environment))
    bucket = f"history-{hash(unique) % 10**9}"
    client.create_bucket(bucket)
    return History(ObjectIndex(client, bucket))


def report(number: int, **changes: Any) -> Report:
    """The report of a run that ended `number` hours ago."""
    whole = dataclasses.replace(
        stored_report("success"), run_id=f"{number:024x}", finished_at=NOW - timedelta(hours=number)
    )
    return dataclasses.replace(whole, **changes)


def ids(entries: Iterator[Any]) -> list[int]:
    return [int(entry.run_id, 16) for entry in entries]


def test_runs_are_listed_newest_first_whenever_they_were_entered(history: History) -> None:
    for number in (3, 1, 2, 0):
        history.add(report(number))
    assert ids(history.newest()) == [0, 1, 2, 3]
    assert ids(history.newest(limit=2)) == [0, 1]
    (first, *_) = history.newest()
    assert first.uri == stored_report("success").source.uri
    assert (first.rows_loaded, first.load_jobs, first.finished_at) == (7, 2, NOW)


def test_a_run_is_entered_once(history: History) -> None:
    for _ in range(2):
        history.add(report(1))
    assert ids(history.newest()) == [1]


def test_runs_are_found_by_time_feed_and_failure(history: History) -> None:
    for number in range(5):
        history.add(report(number, feed="odd" if number % 2 else "even"))
    history.add(report(9, status="failed", feed="odd"))
    assert ids(history.newest(since=NOW - timedelta(hours=2))) == [0, 1, 2]
    assert ids(history.newest(since=NOW - timedelta(hours=1, minutes=59))) == [0, 1]
    assert ids(history.newest(feed="odd")) == [1, 3, 9]
    assert ids(history.newest(failed=True)) == [9]


def test_what_is_missing_is_entered(history: History) -> None:
    for number in (0, 2):
        history.add(report(number))
    assert history.add_missing([report(number) for number in range(4)]) == 2
    assert ids(history.newest()) == [0, 1, 2, 3]
    assert history.add_missing([report(number) for number in range(4)]) == 0
    assert history.add_missing([]) == 0


def test_twenty_of_many_are_one_request(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        history.add(report(number))
    client = history._index._client
    asked: list[str] = []
    request = client._connection.api_request

    def counted(*arguments: Any, **options: Any) -> Any:
        asked.append(options["path"])
        return request(*arguments, **options)

    monkeypatch.setattr(client._connection, "api_request", counted)
    assert len(list(history.newest(limit=20))) == 20
    assert len(asked) == 1
