"""How many requests to Cloud Storage a run makes: each is a part of its time and of its cost.

Class A (writes, copies, composes, listings) costs twelve times what class B (reads) does; deletions are free:
https://cloud.google.com/storage/pricing#operations-by-class
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support.world import FEEDS, World, rows

from cbi.gcs.identity import StagedFile

MOST_WRITES, MOST_READS = 5, 6
"""What an ordinary file may take, in class A and class B, until it has its report."""


@dataclass(frozen=True)
class Requests:
    """The storage requests of a delivery, by their classes. What comes `after` the report delays nothing."""

    before_load: Counter[str]
    until_report: Counter[str]
    after: Counter[str]

    def __str__(self) -> str:
        parts = {"before the load job": self.before_load, "until the report": self.until_report}
        parts["after it"] = self.after
        return "; ".join(f"{name}: {found['A']} A, {found['B']} B" for name, found in parts.items())


def class_of(request: str) -> str:
    if request.startswith("DELETE"):
        return "free"
    return "B" if re.match("GET .*/o/", request) else "A"


def requests_of(world: World, file: StagedFile) -> Requests:
    """Deliver a file's event, and count what that asks of Cloud Storage."""
    after_report: list[int] = []

    def look(number: int, request: str) -> None:
        if world.cloud.read_report(file) is not None:
            after_report.append(number)

    world.faults.plan(look)
    assert world.function.deliver(file)
    seen = world.faults.seen
    inserts = [number for number, request in enumerate(seen) if re.match("POST .*/jobs", request)]
    load, report = inserts[-1] if inserts else 0, min(after_report, default=len(seen))
    classes = ["" if "/bigquery/" in request else class_of(request) for request in seen]
    return Requests(Counter(classes[:load]), Counter(classes[:report]), Counter(classes[report:]))


@pytest.fixture
def undisturbed(world: World) -> Iterator[World]:
    world.reset()
    yield world
    world.faults.clear()


def show(capsys: pytest.CaptureFixture[str], what: str, found: Requests) -> None:
    with capsys.disabled():
        print(f"\nrequests to Cloud Storage, {what}: {found}")


def test_an_ordinary_file_takes_few_requests(undisturbed: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The log is read, the object looked at, its bytes claimed and read, the part and the plan written."""
    file = undisturbed.drop("appended", "counted", rows("COUNTED", 3))
    found = requests_of(undisturbed, file)
    show(capsys, "a small file", found)
    assert (found.before_load["A"], found.before_load["B"]) == (3, 3)
    assert (found.until_report["A"], found.until_report["B"]) == (4, 3)
    assert found.until_report["A"] <= MOST_WRITES
    assert found.until_report["B"] <= MOST_READS
    assert (found.after["A"], found.after["B"]) == (2, 0)  # the history's entry and the page


def test_a_finished_run_takes_two_reads(undisturbed: World, capsys: pytest.CaptureFixture[str]) -> None:
    file = undisturbed.drop("appended", "delivered_again", rows("AGAIN", 3))
    assert undisturbed.function.deliver(file)
    undisturbed.function.restart()
    undisturbed.faults.clear()
    assert undisturbed.function.deliver(file)
    seen = [request for request in undisturbed.faults.seen if "/bigquery/" not in request]
    with capsys.disabled():
        print(f"\nrequests to Cloud Storage, a file that is delivered again: {Counter(map(class_of, seen))}")
    assert [class_of(request) for request in seen[:2]] == ["B", "B"]
    assert "/o/runs%2F" in seen[0]
    assert "/o/reports%2F" in seen[1]
    # An earlier delivery may have died before the history's entry and the page.
    assert [class_of(request) for request in seen[2:]] == ["A", "A"]
    assert undisturbed.faults.seen == seen


@pytest.mark.parametrize("feed", FEEDS)
def test_no_feed_takes_more_before_a_report_than_its_parts_need(
    undisturbed: World, capsys: pytest.CaptureFixture[str], feed: str
) -> None:
    file = undisturbed.drop(feed, "counted_of_each_feed", rows(f"COUNTED {feed}", 3))
    found = requests_of(undisturbed, file)
    show(capsys, f"{feed}, one part", found)
    # A spliced file's bytes are copied, its part joined of them and of what is new.
    assert found.until_report["A"] <= MOST_WRITES + (2 if feed == "spliced" else 0)
    assert found.until_report["B"] <= MOST_READS
