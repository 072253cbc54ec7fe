"""The deployment that is looked at."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import Lock

from google.cloud import bigquery
from google.cloud.storage import Client as StorageClient

from cbi.clients import bigquery_client, storage_client
from cbi.contract.catalog import load_feeds
from cbi.contract.feed import Feed
from cbi.errors import Misconfigured
from cbi.gcs.index import ObjectIndex
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.runs.fetched_feeds import fetch_feeds
from cbi.runs.history import History, HistoryEntry
from cbi.settings import Settings

MOST_RUNS = 5_000
"""Of the newest runs of a day at most so many are looked at: a request for each thousand."""


class Deployment:
    """What checks look at, as the environment sets it. All of it raises Transient and Misconfigured.

    Checks run side by side; what several of them need is asked for once.
    """

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self._lock = Lock()

    @cached_property
    def settings(self) -> Settings:
        settings = Settings.from_environment()
        settings.require_staging_bucket()
        settings.require_output_bucket()
        return settings

    @cached_property
    def storage(self) -> StorageClient:
        return storage_client(self.settings)

    @cached_property
    def bigquery(self) -> bigquery.Client:
        return bigquery_client(self.settings)

    @cached_property
    def outputs(self) -> Outputs:
        return Outputs(ObjectStore(self.storage), self.settings.require_output_bucket())

    @cached_property
    def history(self) -> History:
        return History(ObjectIndex(self.storage, self.outputs.bucket))

    @property
    def contracts(self) -> tuple[tuple[Feed, ...], tuple[Misconfigured, ...]]:
        """The feeds whose contracts are sound, and the errors of the others."""
        with self._lock:
            fetch_feeds(self.settings)
            return load_feeds()

    @property
    def last_day(self) -> Sequence[HistoryEntry]:
        """The runs of the last 24 hours, the newest first, at most MOST_RUNS of them."""
        with self._lock:
            return self._last_day

    @cached_property
    def _last_day(self) -> Sequence[HistoryEntry]:
        return tuple(self.history.newest(limit=MOST_RUNS, since=self.now - timedelta(days=1)))
