"""This package's sure way: every value decoded and encoded again."""

import io

import pyarrow as pa

from bench.task import Found, Task
from cbi.checks.quality import DataQualityChecker
from cbi.checks.validation import validate
from cbi.enrich.nest import Nesting
from cbi.enrich.rewrite import rewrite
from cbi.enrichments.enrichment import RunFacts
from cbi.parquet.source import ParquetSource


class _FileSink(io.FileIO):
    """A local file as the object that is written."""

    def commit(self) -> None:
        self.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def run(task: Task) -> Found:
    with pa.OSFile(str(task.source)) as content:
        source = ParquetSource(content)
        validation = validate(source, task.feed, task.calendar)
        report = validation.report
        found = Found(report.duplicates.duplicate_count, len(report.regime_coverage.missing_dates))
        if not found.clean:
            return found
        casts = DataQualityChecker(task.feed).casts(source.schema)
        nesting = Nesting(task.feed, casts, RunFacts(task.calendar, task.finalized_at, task.run_id))
        rewrite(source, nesting, validation.date_intervals, None, lambda name: _FileSink(task.target, "w"))
    return found
