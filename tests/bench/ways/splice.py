"""This package's fast way: what it writes is what is uploaded to be appended to the staged bytes.

Joining the two is left out: the bucket does that by itself.
"""

import os

from bench.task import Found, Task
from cbi.checks.quality import DataQualityChecker
from cbi.checks.validation import validate
from cbi.enrich.nest import Nesting
from cbi.enrich.splice.delta import make_delta
from cbi.enrich.splice.plan import plan_splice
from cbi.enrichments.enrichment import RunFacts
from cbi.parquet.flat_file import FlatFile


def run(task: Task) -> Found:
    with task.source.open("rb") as content:

        def read(start: int, length: int) -> bytes:
            return os.pread(content.fileno(), length, start)

        return _run(task, FlatFile(read, task.source.stat().st_size))


def _run(task: Task, file: FlatFile) -> Found:
    casts = DataQualityChecker(task.feed).casts(file.schema)
    validation = validate(file, task.feed, task.calendar)
    report = validation.report
    found = Found(report.duplicates.duplicate_count, len(report.regime_coverage.missing_dates))
    if not found.clean:
        return found
    nesting = Nesting(task.feed, casts, RunFacts(task.calendar, task.finalized_at, task.run_id))
    plan = plan_splice(file, nesting, validation.date_intervals, validation.dates, None)
    with task.target.open("wb") as target:
        for piece in make_delta(plan, *plan.parts):
            target.write(piece)
    return found
