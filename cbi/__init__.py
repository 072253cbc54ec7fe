"""Parquet dropped in a bucket becomes validated, regime-enriched rows in BigQuery, each exactly once."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbi.checks.quality import DataQualityChecker
    from cbi.lookups.regime_cache import RegimeCache
    from cbi.runs.pipeline import IngestionPipeline

__version__ = "0.2.0"

__all__ = ["DataQualityChecker", "IngestionPipeline", "RegimeCache"]

_HOMES = {
    "DataQualityChecker": "cbi.checks.quality",
    "IngestionPipeline": "cbi.runs.pipeline",
    "RegimeCache": "cbi.lookups.regime_cache",
}


def __getattr__(name: str) -> Any:
    # The cloud clients take a second to import, which a module that needs only a part should not pay.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
