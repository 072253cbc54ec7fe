"""All environment variables there are, and the only module that reads any.

`Settings` is what a deployment may set. K_SERVICE, OTEL_EXPORTER_OTLP_ENDPOINT and CBI_DEBUG are read apart
from it: neither logging nor debugging must hang on whether the settings can be read; and so are CBI_FEEDS and
CBI_REGIMES, which need none. `LocalSettings` is the local BigQuery's. These only libraries read:

| variable | read by | set by |
|---|---|---|
| ARROW_DEFAULT_MEMORY_POOL | pyarrow | `main.py`, where it is not set |
| DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA | google-cloud-storage | the deployment |
| GOOGLE_APPLICATION_CREDENTIALS, CLOUDSDK_CONFIG, … | google-auth | who runs a command |
| OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, … | opentelemetry-sdk and its exporter | who wants spans |
| PORT, FUNCTION_TARGET, … | functions-framework | Cloud Run |
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, get_args

from cbi.errors import Misconfigured

EnrichStrategy = Literal["auto", "splice", "rewrite"]
"""How files are enriched: spliced where that pays, spliced wherever that can be, or always rewritten."""

ENRICH_STRATEGIES: tuple[EnrichStrategy, ...] = get_args(EnrichStrategy)


@dataclass(frozen=True)
class Settings:
    """What a deployment may set. Every field is an environment variable of the same name in capitals.

    `google_cloud_project` may be None: the clients then find it where they find their credentials. The
    `*_emulator_host`s are base URLs of stand-ins, to which no credentials are shown.
    Durations are in seconds. The `max_*` limits bound what a file's footer may declare, `worker_seconds` and
    `worker_memory_bytes` what the process may take that reads one.
    """

    staging_bucket: str | None = None
    output_bucket: str | None = None
    google_cloud_project: str | None = None
    storage_emulator_host: str | None = None
    bigquery_emulator_host: str | None = None
    bigquery_location: str = "US"
    regime_ttl_seconds: float = 3600.0
    regime_max_stale_seconds: float = 86_400.0
    function_timeout_seconds: float = 540.0
    sweep_min_age_seconds: float = 900.0
    worker_seconds: float = 400.0
    worker_memory_bytes: int = 1 << 30
    enrich_strategy: EnrichStrategy = "auto"
    report_page: Literal["on", "off"] = "on"
    max_columns: int = 10_000
    max_rows: int = 200_000_000
    max_row_groups: int = 20_000
    max_footer_bytes: int = 32 << 20
    max_uncompressed_bytes: int = 128 << 30

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings; unset or empty variables keep their default.

        Raises Misconfigured when a duration or a limit is not a positive number, when `enrich_strategy` is
        unknown, when both buckets are one, or when a variable has the name it had in an earlier version.
        """
        for old, new in _RENAMED.items():
            if environment.get(old):
                raise Misconfigured(f"{old} is called {new} now; rename the variable")
        settings = cls(**_read(cls, environment))
        if settings.report_page not in ("on", "off"):
            raise Misconfigured(f"REPORT_PAGE is {settings.report_page!r}: it must be on or off")
        if settings.output_bucket is not None and settings.output_bucket == settings.staging_bucket:
            raise Misconfigured(
                f"STAGING_BUCKET and OUTPUT_BUCKET are both {settings.output_bucket}: an output would be an"
                " event of its own; set OUTPUT_BUCKET to another bucket"
            )
        if (strategy := settings.enrich_strategy) not in ENRICH_STRATEGIES:
            raise Misconfigured(f"ENRICH_STRATEGY is {strategy!r}: it must be {', '.join(ENRICH_STRATEGIES)}")
        return settings

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


_RENAMED: Mapping[str, str] = {"ENRICH_WAY": "ENRICH_STRATEGY"}

DEFAULTS = Settings()


@dataclass(frozen=True)
class LocalSettings:
    """What may be set of the local BigQuery: how long a load job takes, and how many a table takes."""

    cbi_local_load_seconds: float = 0.0
    cbi_local_loads_per_table_per_day: int = 1_500

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read them. Raises Misconfigured when one is not a positive number."""
        return cls(**_read(cls, environment))


def debugging(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether commands show the traceback of an error they would otherwise tell in a line: CBI_DEBUG=1."""
    return environment.get("CBI_DEBUG", "") not in ("", "0")


def feeds_folder(environment: Mapping[str, str] = os.environ) -> str | None:
    """The folder, or gs:// prefix, of the feeds' contracts where they are not the package's: CBI_FEEDS."""
    return environment.get("CBI_FEEDS") or None


def regimes_file(environment: Mapping[str, str] = os.environ) -> str | None:
    """The file of the regimes, where it is not that of the package: CBI_REGIMES."""
    return environment.get("CBI_REGIMES") or None


def on_cloud_run(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a service of Cloud Run, which says so by K_SERVICE.

    https://cloud.google.com/run/docs/container-contract#services-env-vars
    """
    return "K_SERVICE" in environment


def tracing_endpoint(environment: Mapping[str, str] = os.environ) -> str | None:
    """The URL that spans are sent to, if they are: OTEL_EXPORTER_OTLP_ENDPOINT.

    https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp
    """
    return environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None


def _read(cls: type[Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The values of a dataclass's fields that are set, by name; a default that is a number wants one."""
    values: dict[str, Any] = {}
    for each in fields(cls):
        name, kind = each.name.upper(), type(each.default)
        if text := environment.get(name):
            values[each.name] = _positive(name, text, kind) if kind in _WORDS else text
    return values


def _positive(name: str, text: str, kind: type[Any]) -> Any:
    try:
        number = kind(text)
    except ValueError:
        number = 0
    if not number > 0:
        raise Misconfigured(f"{name} is {text!r}: it must be {_WORDS[kind]} above 0")
    return number


_WORDS: Mapping[type, str] = {int: "a whole number", float: "a number"}
