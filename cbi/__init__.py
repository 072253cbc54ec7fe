"""Parquet dropped in a bucket becomes validated, regime-enriched rows in BigQuery, each exactly once."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbi.pipeline import IngestionPipeline
    from cbi.quality import DataQualityChecker
    from cbi.regimes import RegimeCache

__all__ = ["DataQualityChecker", "IngestionPipeline", "RegimeCache"]

_HOMES = {
    "DataQualityChecker": "cbi.quality",
    "IngestionPipeline": "cbi.pipeline",
    "RegimeCache": "cbi.regimes",
}


def __getattr__(name: str) -> Any:
    # The cloud clients take a second to import, which a module that needs only a part should not pay.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
