"""The file has rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from cbi.checks.check import Check, Evidence, Outcome
from cbi.contract.feed import Feed
from cbi.errors import Reason
from cbi.findings import Failure


def checks(feed: Feed) -> Iterator[Check[None]]:
    yield EmptyFileCheck()


@dataclass(frozen=True)
class EmptyFileCheck(Check[None]):
    """Fails a file of no rows, which the footer tells."""

    def conclude(self, evidence: Evidence[None]) -> Outcome:
        if evidence.scan.file.rows:
            return Outcome(evidence.report)
        message = "the file has no rows: write it again, with the day's rows"
        return Outcome(evidence.report, (Failure(Reason.EMPTY_FILE, message),))
