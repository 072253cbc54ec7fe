"""The file has as many rows as its footer says."""

from collections.abc import Iterator
from dataclasses import dataclass

from cbi.checks.check import Check, Evidence, Outcome
from cbi.contract.feed import Feed
from cbi.errors import InvalidFile, Reason
from cbi.wording import counted


def checks(feed: Feed) -> Iterator[Check[None]]:
    yield RowCountCheck()


@dataclass(frozen=True)
class RowCountCheck(Check[None]):
    """Compares the footer's number of rows with those that were read, where any column was."""

    def conclude(self, evidence: Evidence[None]) -> Outcome:
        scan = evidence.scan
        if scan.rows_read not in (None, scan.file.rows):
            rows = counted(scan.file.rows, "row", "rows")
            message = f"the footer says {rows}, but there are {scan.rows_read:,}; write the file again"
            raise InvalidFile(Reason.UNREADABLE_FILE, message)
        return Outcome(evidence.report)
