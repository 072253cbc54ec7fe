"""What the served stack does of itself: tell of each file as it goes, and tick as Cloud Scheduler does."""

import json
import logging
import time
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException
from threading import Thread
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import click

from cbi.clients import storage_client
from cbi.errors import CbiError
from cbi.events import is_staged
from cbi.gcs.identity import STAGED_PREFIX, StagedFile
from cbi.gcs.index import ObjectIndex
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.local.storage.changes import wait_for_change
from cbi.runs.history import History, HistoryEntry
from cbi.runs.stored import StoredRuns
from cbi.settings import Settings
from cbi.wording import counted, duration

if TYPE_CHECKING:
    from cbi.local.stack import Stack

SWEEP_SECONDS = 30
"""Between two ticks; in the cloud it is some minutes."""

_TIMEOUT_SECONDS = 540

_log = logging.getLogger(__name__)

Tell = Callable[[str], None]


def attend(stack: "Stack", settings: Settings, since: datetime, tell: Tell) -> None:
    """Begin to tell of files since a moment, and to tick, in threads that end with the process."""
    for target in (_tell_drops, _tell_runs):
        Thread(target=_for_ever, args=(target, stack, settings, since, tell), daemon=True).start()
    Thread(target=_tick, args=(stack.function,), daemon=True).start()


def _for_ever(watch: Callable[["Stack", Settings, datetime, Tell], None], *arguments: object) -> None:
    """Watch again whenever the local storage was away for a moment."""
    while True:
        try:
            watch(*arguments)  # type: ignore[arg-type]
        except (OSError, HTTPException, ValueError, CbiError) as error:
            _log.info("not watching for a moment: %s", error)
            time.sleep(1)


def _tell_drops(stack: "Stack", settings: Settings, since: datetime, tell: Tell) -> None:
    store = ObjectStore(storage_client(settings))
    told: set[StagedFile] = set()
    changes: int | None = None
    while True:
        changes = wait_for_change(stack.storage, stack.staging_bucket, changes)
        for listed in store.list(stack.staging_bucket, STAGED_PREFIX):
            if listed.finalized_at >= since and listed.file not in told:
                told.add(listed.file)
                end = (
                    "" if is_staged(listed.file.name) else ": ignored, as its name is none of a .parquet file"
                )
                tell(f"dropped  {listed.file.name}{end}")


def _tell_runs(stack: "Stack", settings: Settings, since: datetime, tell: Tell) -> None:
    client = storage_client(settings)
    history = History(ObjectIndex(client, stack.output_bucket))
    runs = StoredRuns(Outputs(ObjectStore(client), stack.output_bucket))
    told: set[str] = set()
    changes: int | None = None
    while True:
        changes = wait_for_change(stack.storage, stack.output_bucket, changes)
        new = [entry for entry in history.newest(since=since) if entry.run_id not in told]
        for entry in reversed(new):
            told.add(entry.run_id)
            tell(_line(entry, runs))


def _line(entry: HistoryEntry, runs: StoredRuns) -> str:
    """What became of a file, with its warnings, or the reason where it was not loaded."""
    name, report = entry.name, runs.report(StagedFile.at(entry.uri, entry.generation))
    if entry.status == "success":
        left_out = f", {entry.rows_skipped:,} in quarantine" if entry.rows_skipped else ""
        rows = counted(entry.rows_loaded, "row", "rows")
        warned = "".join(f"; {warning}" for warning in report.warnings) if report else ""
        return f"loaded   {name}: {rows}{left_out}, {duration(entry.duration_seconds)}{warned}"
    return f"{entry.status:8} {name}: {report.message if report else entry.reason}"


def _tick(function: str) -> None:
    headers = {
        "ce-id": "sweep",
        "ce-type": "cbi.sweep.v1",
        "ce-source": "//localhost",
        "ce-specversion": "1.0",
        "Content-Type": "application/json",
    }
    while True:
        try:
            with urlopen(Request(function, json.dumps({}).encode(), headers), timeout=_TIMEOUT_SECONDS):
                pass
        except (OSError, HTTPException) as error:
            _log.info("the sweep failed and comes again: %s", error)
        time.sleep(SWEEP_SECONDS)


def say(line: str) -> None:
    """A line on standard error with its time, as standard output has the addresses alone."""
    click.echo(f"{datetime.now():%H:%M:%S}  {line}", err=True)
