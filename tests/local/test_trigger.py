"""The trigger delivers every object's event at least once, until it is accepted."""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from urllib.parse import unquote
from uuid import uuid4

import pytest
from cloudevents.http import CloudEvent, from_http
from google.cloud import storage

from cbi.local.processes import Processes
from cbi.local.stack import Stack

Watch = Callable[[], None]


class Receiver(ThreadingHTTPServer):
    """Records the events posted to it and refuses as many of each object as it is told to."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _RecordEvent)
        self.events: dict[str, list[CloudEvent]] = defaultdict(list)
        self.refusals: dict[str, int] = defaultdict(int)
        self.received = Condition()

    def wait_for(self, name: str, times: int = 1) -> list[CloudEvent]:
        events = self.events[name]
        with self.received:
            there = self.received.wait_for(lambda: len(events) >= times, timeout=10)
        assert there, f"{name} was delivered {len(events)} times"
        return events


class _RecordEvent(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = from_http(dict(self.headers), body)
        received = self.server.events[event.data["name"]]
        with self.server.received:
            received.append(event)
            self.server.received.notify_all()
        self.send_response(500 if len(received) <= self.server.refusals[event.data["name"]] else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def listening(port: int = 0) -> Iterator[Receiver]:
    with Receiver(port) as receiver:
        Thread(target=receiver.serve_forever, args=(0.05,), daemon=True).start()
        yield receiver
        receiver.shutdown()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


@pytest.fixture
def watched(storage_client: storage.Client) -> storage.Bucket:
    """A bucket of its own, so that other tests' objects stay out."""
    return storage_client.create_bucket(f"watched-{uuid4().hex}")


@pytest.fixture
def watch(stack: Stack, watched: storage.Bucket, receiver: Receiver, tmp_path: Path) -> Iterator[Watch]:
    """Start a trigger; each call starts another."""
    with Processes(tmp_path) as processes:

        def start() -> None:
            command = [sys.executable, "-m", "cbi.local.trigger", "--storage", stack.storage]
            command += ["--bucket", watched.name, "--target", f"http://127.0.0.1:{receiver.server_port}"]
            processes.start("trigger", command, {})

        yield start


@pytest.mark.parametrize("name", ["staged/run.parquet", "top level é 日本.txt", "staged/a%2Fb?c#d.parquet"])
def test_the_event_describes_the_object_whatever_its_name(
    watched: storage.Bucket, receiver: Receiver, watch: Watch, name: str
) -> None:
    blob = watched.blob(name)
    blob.upload_from_string("content")
    watch()
    (event,) = receiver.wait_for(name)
    assert event["type"] == "google.cloud.storage.object.v1.finalized"
    assert event["source"] == f"//storage.googleapis.com/projects/_/buckets/{watched.name}"
    assert unquote(event["subject"]) == f"objects/{name}"
    assert event["specversion"] == "1.0"
    expected = {
        "bucket": watched.name,
        "name": name,
        "generation": str(blob.generation),
        "size": "7",
        "crc32c": blob.crc32c,
    }
    assert expected.items() <= event.data.items()
    assert {"md5Hash", "timeCreated", "updated", "contentType"} <= event.data.keys()


def test_new_objects_and_new_generations_have_events_of_their_own(
    watched: storage.Bucket, receiver: Receiver, watch: Watch
) -> None:
    watch()
    blob = watched.blob("run.parquet")
    blob.upload_from_string("one")
    first = receiver.wait_for("run.parquet")[0]
    blob.upload_from_string("two")
    second = receiver.wait_for("run.parquet", times=2)[1]
    assert first["id"] != second["id"]
    assert first.data["generation"] != second.data["generation"] == str(blob.generation)


def test_a_refused_event_comes_again_as_the_same_event_until_accepted(
    watched: storage.Bucket, receiver: Receiver, watch: Watch
) -> None:
    receiver.refusals["refused"] = 2
    watched.blob("refused").upload_from_string("x")
    watch()
    events = receiver.wait_for("refused", times=3)
    assert len({event["id"] for event in events}) == 1
    time.sleep(1)
    assert len(events) == 3


def test_refused_events_do_not_hold_up_the_others(
    watched: storage.Bucket, receiver: Receiver, watch: Watch
) -> None:
    for number in range(20):
        receiver.refusals[f"refused-{number}"] = 100
        watched.blob(f"refused-{number}").upload_from_string("x")
    watched.blob("welcome").upload_from_string("x")
    watch()
    receiver.wait_for("welcome")


def test_events_wait_for_a_function_that_is_down(
    stack: Stack, watched: storage.Bucket, tmp_path: Path
) -> None:
    with listening() as gone:
        port = gone.server_port
    watched.blob("early").upload_from_string("x")
    with Processes(tmp_path) as processes:
        command = [sys.executable, "-m", "cbi.local.trigger", "--storage", stack.storage]
        command += ["--bucket", watched.name, "--target", f"http://127.0.0.1:{port}"]
        trigger = processes.start("trigger", command, {})
        trigger.wait_until(lambda: "was not accepted" in trigger.log.read_text(), timeout=10)
        with listening(port) as receiver:
            receiver.wait_for("early")


def test_after_a_restart_every_object_is_delivered_again(
    watched: storage.Bucket, receiver: Receiver, watch: Watch
) -> None:
    watched.blob("kept").upload_from_string("x")
    watch()
    receiver.wait_for("kept")
    watch()
    receiver.wait_for("kept", times=2)
