"""The regime calendar out of BigQuery, kept warm between events."""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from cachetools import TLRUCache, cachedmethod
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from cbi.clients import CLOUD_FAULTS
from cbi.errors import Misconfigured, Transient
from cbi.faults import cloud_error
from cbi.findings import RegimeCoverage
from cbi.lookups.regime_calendar import Regime, RegimeCalendar
from cbi.sql import select_statement

CALENDAR_TABLE = "training.regime_calendar"
WEIGHTS_TABLE = "training.regime_weights"

# A calendar that could not be refreshed serves this long before the next try, so that not every event of an
# outage waits for one.
_SECONDS_BEFORE_ANOTHER_TRY = 60

# A calendar read this short ago is not read again for a file that lacks dates in it, so that a backfill of
# such files stays far below the quota of tabledata.list. Applying regimes takes longer.
_SECONDS_BETWEEN_READS = 1

_LOAD_TIMEOUT = 30

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kept:
    calendar: RegimeCalendar
    read_at: float
    keep_seconds: float


class RegimeCache:
    """The calendar, loaded on first use and again when `ttl_seconds` have passed.

    However many threads ask at once, one loads and the others wait for it. When a refresh fails the last
    good calendar serves on, with a warning, until it is `max_stale_seconds` old.
    """

    def __init__(
        self,
        client: bigquery.Client,
        *,
        ttl_seconds: float = 3600,
        max_stale_seconds: float = 86_400,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._ttl_seconds = ttl_seconds
        self._max_stale_seconds = max_stale_seconds
        self._timer = timer
        self._last_good: _Kept | None = None
        self._next_read_at = -math.inf
        self._condition = threading.Condition()
        self._cache: TLRUCache[Any, _Kept] = TLRUCache(
            maxsize=1, ttu=lambda _, kept, now: now + kept.keep_seconds, timer=timer
        )

    def calendar(self) -> RegimeCalendar:
        """The calendar as it was at most `ttl_seconds` ago, or `max_stale_seconds` while BigQuery fails.

        Raises Transient when it cannot be loaded and no calendar is young enough to serve instead, and
        Misconfigured when the tables are missing or contradict themselves.
        """
        return self._current().calendar

    def refreshed(self, calendar: RegimeCalendar) -> RegimeCalendar:
        """The calendar as it is now, for whoever misses a date in `calendar`, which this cache gave it.

        It is read again at most once a second, and by one thread however many ask. While BigQuery fails it is
        the last good one, as for `calendar()`, which also says what is raised.
        """
        with self._condition:
            newest = self._last_good.calendar if self._last_good else None
            if newest is calendar and self._timer() >= self._next_read_at:
                self._cache.clear()
        return self.calendar()

    def get_regime(self, day: date) -> Regime | None:
        """The regime of one day, or None, in constant time."""
        return self.calendar().get_regime(day)

    def lookup(self, dates: pa.Array) -> pa.StructArray:
        """The regime of each date in a date32 column, as {name, weight}; both NULL where it has none."""
        calendar = self.calendar()
        numbers = calendar.lookup(dates)
        columns = [calendar.names.take(numbers), calendar.weights.take(numbers)]
        return pa.StructArray.from_arrays(columns, ["name", "weight"])

    def validate_date_coverage(self, dates: pa.Array) -> RegimeCoverage:
        """Tell which of the distinct dates in a date32 column have a regime."""
        return self.calendar().validate_date_coverage(dates)

    @cachedmethod(lambda self: self._cache, condition=lambda self: self._condition)
    def _current(self) -> _Kept:
        read_at = self._timer()
        try:
            calendar = load_calendar(self._client)
        except (Transient, Misconfigured) as error:
            kept, now = self._last_good, self._timer()
            if kept is None or now - kept.read_at > max(self._max_stale_seconds, self._ttl_seconds):
                raise
            _log.warning(
                "regime calendar not refreshed, serving the one of %.0f s ago: %s", now - kept.read_at, error
            )
            self._next_read_at = now + _SECONDS_BEFORE_ANOTHER_TRY
            return _Kept(kept.calendar, kept.read_at, _SECONDS_BEFORE_ANOTHER_TRY)
        self._next_read_at = read_at + _SECONDS_BETWEEN_READS
        self._last_good = _Kept(calendar, read_at, self._ttl_seconds)
        return self._last_good


def load_calendar(client: bigquery.Client) -> RegimeCalendar:
    """Read both regime tables: free of charge and without a job, unless they are views."""
    days = _read(client, CALENDAR_TABLE, {"date": "DATE", "regime": "STRING"})
    weights = _read(client, WEIGHTS_TABLE, {"regime": "STRING", "weight": "INT64"})
    if not days:
        raise Misconfigured(f"{CALENDAR_TABLE} is empty: run `python -m cbi regimes --apply`")
    return RegimeCalendar.from_rows(
        ((row["date"], row["regime"]) for row in days), {row["regime"]: row["weight"] for row in weights}
    )


def _read(client: bigquery.Client, table: str, columns: dict[str, str]) -> list[dict[str, Any]]:
    retry = bigquery.DEFAULT_RETRY.with_timeout(_LOAD_TIMEOUT)
    fields = [bigquery.SchemaField(name, kind) for name, kind in columns.items()]
    reference = bigquery.TableReference.from_string(f"{client.project}.{table}")
    try:
        try:
            rows = client.list_rows(reference, selected_fields=fields, retry=retry, timeout=_LOAD_TIMEOUT)
            return [dict(row.items()) for row in rows]
        except BadRequest:  # tabledata.list does not work on a view
            query = select_statement(f"{client.project}.{table}", columns)
            job = client.query(query, retry=retry, timeout=_LOAD_TIMEOUT)
            return [dict(row.items()) for row in job.result(retry=retry, timeout=_LOAD_TIMEOUT)]
    except CLOUD_FAULTS as error:
        raise cloud_error(error, f"{table} could not be read") from error
