"""The function as it is deployed, served with the local stack behind relays that take the times.

python -m bench.served_function PYTHON EVENTS STARTS
"""

import http.client
import json
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from urllib.parse import urlsplit

import pyarrow as pa
from support.cloud import Cloud

from bench.data import DAYS, flat_table
from bench.imports import ROOT
from bench.latency import Event, Start
from bench.relay import Exchange, Relay, relays
from bench.task import wide_feed
from bench.timeline import assign_rows, when_load_was_submitted
from cbi.gcs.identity import StagedFile
from cbi.local.processes import Processes
from cbi.local.stack import Stack, running_servers

ROWS = 100
"""Of the small file: one symbol, a day each."""

_FINALIZED = "google.cloud.storage.object.v1.finalized"
_WARM_UP_EVENTS = 5


class Function:
    """The function in a process behind relays, and files to send it the events of."""

    def __init__(self, python: str, stack: Stack, processes: Processes, relays: Sequence[Relay]) -> None:
        parts = urlsplit(stack.function)
        self._address = (parts.hostname or "", parts.port or 0)
        self._command = _command(python, self._address)
        storage, bigquery = (relay.url for relay in relays)
        hosts = {"STORAGE_EMULATOR_HOST": storage, "BIGQUERY_EMULATOR_HOST": bigquery}
        self._environment = {**stack.environment(), **hosts}
        self._processes = processes
        self._relays = relays
        self._cloud = Cloud.of_stack(stack)
        self._numbers = count()

    def first_event(self) -> Start:
        """Start a process, and stop it again."""
        file = self._drop()
        begin = perf_counter()
        with self._running():
            listening = perf_counter()
            self._send(file)
            return Start(listening - begin, assign_rows(self._exchanges(), listening, perf_counter()))

    def warm_events(self, number: int) -> list[Event]:
        """Events of a process that has seen some: each until its load job is submitted."""
        with self._running():
            return [self._warm_event() for _ in range(_WARM_UP_EVENTS + number)][_WARM_UP_EVENTS:]

    def _warm_event(self) -> Event:
        begin = self._send(self._drop())
        exchanges = self._exchanges()
        return assign_rows(exchanges, begin, when_load_was_submitted(exchanges))

    @contextmanager
    def _running(self) -> Iterator[None]:
        process = self._processes.start("function", self._command, self._environment)
        process.wait_until(self._listens, timeout=60)
        yield
        self._processes.stop(process)

    def _drop(self) -> StagedFile:
        """A file like no other: the same bytes again would not be loaded."""
        number = next(self._numbers)
        table = flat_table(wide_feed(), 0, ROWS, DAYS)
        symbols = pa.array([f"SYM{number:05d}"] * ROWS)
        table = table.set_column(table.schema.get_field_index("symbol"), "symbol", symbols)
        return self._cloud.drop(table, f"staged/{number}.parquet")

    def _send(self, file: StagedFile) -> float:
        """Send a file's event, wait for its answer, and give the time when it was sent."""
        data = {"bucket": file.bucket, "name": file.name, "generation": str(file.generation)}
        headers = {
            "Content-Type": "application/json",
            "ce-id": "1",
            "ce-type": _FINALIZED,
            "ce-source": "//bench",
            "ce-specversion": "1.0",
        }
        for relay in self._relays:
            relay.exchanges.clear()
        connection = http.client.HTTPConnection(*self._address, timeout=120)
        begin = perf_counter()
        connection.request("POST", "/", json.dumps(data), headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        assert response.status < 300, content
        return begin

    def _listens(self) -> bool:
        """Whether it answers a connection; asked for a while, as each millisecond until it does counts."""
        for _ in range(100):
            with socket.socket() as connection:
                if not connection.connect_ex(self._address):
                    return True
            time.sleep(0.001)
        return False

    def _exchanges(self) -> list[Exchange]:
        return [exchange for relay in self._relays for exchange in relay.exchanges]


def _command(python: str, address: tuple[str, int]) -> list[str]:
    program = [python, "-m", "functions_framework", "--source", str(ROOT / "main.py"), "--target", "ingest"]
    return [*program, "--host", address[0], "--port", str(address[1])]


def main(python: str, events: int, starts: int) -> None:
    with (
        TemporaryDirectory() as folder,
        relays(2) as (storage, bigquery),
        running_servers(Path(folder), with_function=False, with_trigger=False, disposable=True) as servers,
        Processes(Path(folder)) as processes,
    ):
        storage.connect_to(servers.stack.storage)
        bigquery.connect_to(servers.stack.bigquery)
        function = Function(python, servers.stack, processes, (storage, bigquery))
        warm = function.warm_events(events)
        cold = [function.first_event() for _ in range(starts)]
    print(json.dumps({"warm": [asdict(event) for event in warm], "cold": [asdict(start) for start in cold]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
