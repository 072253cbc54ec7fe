"""The pipeline of a command that talks to the cloud."""

from typing import TYPE_CHECKING

from cbi.cli.reachability import tell_what_is_unreachable
from cbi.settings import Settings

if TYPE_CHECKING:
    from cbi.runs.pipeline import IngestionPipeline


def open_pipeline() -> "IngestionPipeline":
    """A pipeline as the environment sets it; services that do not answer are told within seconds.

    Raises Misconfigured.
    """
    from cbi.runs.pipeline import IngestionPipeline

    settings = Settings.from_environment()
    settings.require_output_bucket()
    tell_what_is_unreachable(settings)
    return IngestionPipeline(settings)
