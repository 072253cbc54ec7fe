"""The environment, read once into a frozen object."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cbi.errors import Misconfigured


@dataclass(frozen=True)
class Settings:
    """What a deployment may set. Every field is an environment variable of the same name in capitals.

    `google_cloud_project` may be None: the clients then find it where they find their credentials.
    Durations are in seconds.
    """

    staging_bucket: str | None = None
    output_bucket: str | None = None
    google_cloud_project: str | None = None
    bigquery_location: str = "US"
    regime_ttl_seconds: float = 3600
    regime_max_stale_seconds: float = 86_400
    function_timeout_seconds: float = 540

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings; unset or empty variables keep their default.

        Raises Misconfigured when a duration is not a positive number.
        """

        def text(name: str) -> str | None:
            return environment.get(name) or None

        def seconds(name: str, default: float) -> float:
            value = text(name)
            try:
                number = default if value is None else float(value)
            except ValueError:
                number = -1
            if not number > 0:
                raise Misconfigured(f"{name} is {value!r}: it must be a number of seconds above 0")
            return number

        return cls(
            staging_bucket=text("STAGING_BUCKET"),
            output_bucket=text("OUTPUT_BUCKET"),
            google_cloud_project=text("GOOGLE_CLOUD_PROJECT"),
            bigquery_location=text("BIGQUERY_LOCATION") or cls.bigquery_location,
            regime_ttl_seconds=seconds("REGIME_TTL_SECONDS", cls.regime_ttl_seconds),
            regime_max_stale_seconds=seconds("REGIME_MAX_STALE_SECONDS", cls.regime_max_stale_seconds),
            function_timeout_seconds=seconds("FUNCTION_TIMEOUT_SECONDS", cls.function_timeout_seconds),
        )

    def require_staging_bucket(self) -> str:
        """The bucket files are dropped in. Raises Misconfigured when it is not set."""
        return self._required("STAGING_BUCKET", self.staging_bucket)

    def require_output_bucket(self) -> str:
        """The bucket reports are written to. Raises Misconfigured when it is not set."""
        return self._required("OUTPUT_BUCKET", self.output_bucket)

    @staticmethod
    def _required(name: str, value: str | None) -> str:
        if value is None:
            raise Misconfigured(f"{name} is not set: set it to the name of a bucket")
        return value
