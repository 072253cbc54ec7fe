"""Everything that can go wrong, drawn as a tree, with what becomes of the event.

Raised to callers of the package; the text says what was found, what was wanted and what to do:

* Exception
    * CbiError
        * InvalidFile         acknowledged (200): a failed report with the error's `reason`; of
                              `duplicate_content` a skipped one
        * Transient           raised (500), so that the event comes again; no report
        * Misconfigured       raised (500), so that the event comes again once an operator has corrected it;
                              no report
        * InvalidInput        raised (500), though no event brings it: what a command or a program wants
                              ingested cannot be staged
            * UnknownTable    the same, and a TypeError: of a Python object that is no table

Caught by the step that has to do something about it, so that no caller meets it:

    * Unsplicable             acknowledged (200): the file is rewritten instead; the report says why
        * MalformedThrift     the same, of a footer or page header
    * UnknownPage             nothing becomes of it: the column is decoded by Arrow's reader instead
    * ValueError
        * UnsafeCast          acknowledged (200): a failed report, `validation_failed`
        * MalformedYaml       becomes a Misconfigured that names the feed's file and line

    * Stopped               becomes a failed report: the worker that read the file was stopped
    * NoRoom                becomes a Transient: a file waited for a worker's memory until time was up
    * JobFailed             raised (500): a worker met a mistake of ours, whose traceback it tells

Only in the local stack:

    * LoadFailed              the errorResult of a load job
    * SchemaMismatch          becomes a LoadFailed
    * Refusal                 answered by the local storage with its HTTP status
    * ProcessFailed           ends the command: a server did not start, or ended by itself
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a run loaded nothing, or not all, as its report says it. README's table has the fix for each."""

    UNREADABLE_FILE = "unreadable_file"
    EMPTY_FILE = "empty_file"
    VALIDATION_FAILED = "validation_failed"
    NO_REGIME_COVERAGE = "no_regime_coverage"
    UNKNOWN_FEED = "unknown_feed"
    TOO_LARGE = "too_large"
    EXISTING_KEYS = "existing_keys"
    DUPLICATE_CONTENT = "duplicate_content"
    PARTLY_LOADED = "partly_loaded"
    SUPERSEDED = "superseded"
    LOAD_FAILED = "load_failed"
    ROW_COUNT_MISMATCH = "row_count_mismatch"


class CbiError(Exception):
    """The root of this package's errors; its text says what was found, what was wanted and what to do."""


class InvalidFile(CbiError):
    """The staged file cannot be loaded and a repeat would not change that."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Transient(CbiError):
    """The run could not be finished now; the same event delivered again will go on where it stopped."""


class Misconfigured(CbiError):
    """The deployment is wrong, not the file: a missing table, a setting, the regimes, a feed's contract."""


class InvalidInput(CbiError):
    """What is to be ingested is no file, table or URI that can be staged."""


class UnknownTable(InvalidInput, TypeError):
    """A Python object that is no table."""


class FaultKind(StrEnum):
    """Who can help: time, an operator, or whoever made the file or the statement."""

    RETRYABLE = "retryable"
    OPERATOR = "operator"
    REFUSED = "refused"


@dataclass(frozen=True)
class Fault:
    """What BigQuery says went wrong. `reason` is its code, such as `invalid`, which quotes no data and may be
    logged; `message` is in its words."""

    kind: FaultKind
    reason: str
    message: str
