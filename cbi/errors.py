"""Everything that can go wrong, drawn as a tree.

* CbiError
    * InvalidFile         the file's fault: a failed report with its `reason`; the event is acknowledged
    * Transient           nobody's fault (network, 5xx, quota, time): raised, so that the event comes again
    * Misconfigured       the operator's fault (no table, bad regimes): raised, so that the event comes
                          again once it is mended
"""

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
