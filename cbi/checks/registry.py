"""The checks that every file goes through, in the order of the sentences in a report's message.

To add a check, write one file beside this one with a class that is a `Check` (cbi/checks/check.py) and a
function `checks(feed)`, which makes those that a feed's contract asks for, and add a line here.
"""

from collections.abc import Callable, Iterable
from typing import Any

from cbi.checks import (
    column_types,
    date_range,
    duplicates,
    empty_file,
    expectations,
    regime_coverage,
    required_fields,
    row_count,
)
from cbi.checks.check import Check
from cbi.contract.feed import Feed

MakeChecks = Callable[[Feed], Iterable[Check[Any]]]
"""Makes a feed's checks of one kind: one for every file, one for each rule of the contract, or none."""

CHECKS: tuple[MakeChecks, ...] = (
    row_count.checks,
    column_types.checks,
    required_fields.checks,
    date_range.checks,
    empty_file.checks,
    expectations.checks,
    regime_coverage.checks,
    duplicates.checks,  # among the rows that nothing else keeps from being loaded
)
