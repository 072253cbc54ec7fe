"""Whose time was it: the function's own, by what it was at, or that of the servers it waited for."""

import re
from collections import defaultdict
from collections.abc import Iterable

from bench.latency import Event
from bench.relay import Exchange

_LOAD_JOB = re.compile(rb'POST /bigquery/\S+/jobs\?.*"load"', re.DOTALL)


def _upload(folder: bytes) -> re.Pattern[bytes]:
    """An upload begins with the object's metadata."""
    return re.compile(rb'POST /upload/[^{]*\{[^}]*"name": "' + folder + b"/")


# What the function has just been at when it makes such a request; the first that matches.
_STEPS = (
    (_LOAD_JOB, "submitting the load job"),
    (re.compile(rb"POST /bigquery/\S+/jobs\?"), "validating"),
    (re.compile(rb"GET /bigquery/\S+/queries/"), "asking for existing keys"),
    (re.compile(rb"GET /bigquery/\S+/tables/regime_"), "getting the calendar"),
    (re.compile(rb"GET \S+/o/runs%2F"), "taking the event"),
    (re.compile(rb"GET \S+/o/staged%2F"), "looking the file up"),
    (_upload(b"content"), "looking the file up"),
    (_upload(b"enriched"), "enriching"),
    (_upload(b"runs"), "writing down the decision"),
    (_upload(b"reports"), "reporting"),
)

# The storage client looks its buckets up in threads of its own, and nothing waits for that.
_ASIDE = re.compile(rb"GET /storage/v1/b/[^/?]+\?")


def when_load_was_submitted(exchanges: Iterable[Exchange]) -> float:
    return next(exchange.asked for exchange in exchanges if _LOAD_JOB.match(exchange.request))


def assign_rows(exchanges: Iterable[Exchange], begin: float, end: float) -> Event:
    """Share out the time between: what is before a request and after all answers is the function's own."""
    steps: defaultdict[str, float] = defaultdict(float)
    reached = begin
    for exchange in sorted(exchanges, key=lambda each: each.asked):
        if exchange.asked > end or _ASIDE.match(exchange.request):
            continue
        steps[_step(exchange)] += max(0.0, exchange.asked - reached)
        if exchange.answered is not None:
            reached = min(end, max(reached, exchange.answered))
    steps["acknowledging"] += end - reached
    own = {step: seconds for step, seconds in steps.items() if seconds > 0}
    return Event(own, end - begin - sum(own.values()))


def _step(exchange: Exchange) -> str:
    for pattern, step in _STEPS:
        if pattern.match(exchange.request):
            return step
    return exchange.request.partition(b"?")[0].decode()
